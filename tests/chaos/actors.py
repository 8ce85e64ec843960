"""Clients: each does one thing after the other with what is its own, and remembers all of it.

Like good clients they make a key for each request and send it again until there is a
definite answer.  Like bad ones they sometimes send it twice at once, or once more after
everything is long done.  What they know of the addresses they hold is therefore certain.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.doors import TENANT, Door, Undecided
from tests.chaos.ledger import Answer, Asked, Holding, Ledger

NETWORK = "net-chaos"
# Errors that a client may meet although all is well: by RPC their code, by REST the status.
FULL = ("no_more_addresses", "422 ")
TAKEN = (*FULL, "address_already_allocated", "409 ")
GONE = ("ip_address_not_found", "404 ")
# Restoring later than this many seconds after the release may meet the end of quarantine.
RESTORABLE = 10.0


@dataclass(frozen=True)
class Blocks:
    """The ids of the blocks that clients work on."""

    wide: str
    narrow: str
    # Addresses of the narrow block that may be asked for by name.
    choices: Sequence[str]


@dataclass
class Clock:
    """When clients stop to begin new work, and when they stop to wait for answers."""

    finish: threading.Event = field(default_factory=threading.Event)
    give_up_at: float = float("inf")

    @property
    def over(self) -> bool:
        """Whether nobody waits any longer."""
        return time.monotonic() > self.give_up_at


class Actor(threading.Thread):
    """One client with a name, a door and a source of random numbers of its own."""

    def __init__(
        self, name: str, number: int, door: Door, ledger: Ledger, blocks: Blocks,
        clock: Clock, seed: str,
    ) -> None:  # fmt: skip
        super().__init__(name=name, daemon=True)
        self._door = door
        self._ledger = ledger
        self._blocks = blocks
        self._clock = clock
        self._random = random.Random(f"{seed}-{name}")
        self._number = number
        self._count = 0
        self._done: deque[Asked] = deque(maxlen=40)
        self._held: list[Holding] = []
        self._interfaces: dict[str, list[Holding]] = {}
        self._instance: list[Holding] = []
        self._work: list[tuple[int, Callable[[], None]]] = [
            (20, self.allocate),
            (8, self.allocate_in_narrow),
            (6, self.allocate_chosen),
            (22, self.release),
            (6, self.release_and_restore),
            (5, self.create_interface),
            (5, self.delete_interface),
            (5, self.allocate_in_network),
            (5, self.release_in_network),
            (5, self.replace_instance),
            (6, self.repeat_something_old),
            (4, self.allocate_once),
        ]
        if door.takes_casts:
            self._work += [
                (4, self.allocate_several),
                (10, self.cast_allocation),
                (5, self.cast_release),
            ]

    def run(self) -> None:
        """Work until told to finish."""
        weights = [weight for weight, _ in self._work]
        while not self._clock.finish.is_set():
            _, work = self._random.choices(self._work, weights)[0]
            work()

    # --- what it does -----------------------------------------------------------------

    def allocate(self) -> None:
        """Allocate the next address of the wide block."""
        self._allocate(self._blocks.wide, {"interface_id": self._vif()}, FULL)

    def allocate_in_narrow(self) -> None:
        """Allocate the next address of a block that is nearly always full."""
        self._allocate(self._blocks.narrow, {"interface_id": self._vif()}, FULL)

    def allocate_chosen(self) -> None:
        """Ask for an address by name that others want as well."""
        wanted = {
            "interface_id": self._vif(),
            "address": self._random.choice(self._blocks.choices),
        }
        self._allocate(self._blocks.narrow, wanted, TAKEN)

    def allocate_several(self) -> None:
        """Allocate some addresses in one request."""
        args = {
            "tenant_id": TENANT,
            "ip_block_id": self._blocks.wide,
            "count": self._random.randint(2, 5),
            "ip_address": {"interface_id": self._vif()},
        }
        answer = self._ask("allocate_ip_addresses", args, FULL)
        if answer:
            self._held += self._take(answer.result["ip_addresses"])

    def allocate_once(self) -> None:
        """Allocate without a key, and never ask again what became of it."""
        args = {
            "tenant_id": TENANT,
            "ip_block_id": self._blocks.wide,
            "ip_address": {"interface_id": f"once-{self._next()}"},
        }
        asked = self._enter("allocate_ip_address", args, is_single=True)
        asked.sent += 1
        try:
            asked.answer = self._door.call(asked.method, args, None)
        except Undecided as trouble:
            asked.trouble = str(trouble)
            self._ledger.note_trouble(f"{self._door.name}: {trouble}")
            return
        asked.answered_at = time.monotonic()
        if self._is_fine(asked, FULL):
            self._held += self._take([asked.answer.result])

    def release(self) -> None:
        """Release an address that it holds."""
        if holding := self._pop():
            self._release(holding)

    def release_and_restore(self) -> None:
        """Release an address of the wide block and want it back."""
        holding = self._pop(self._blocks.wide)
        if holding is None:
            return
        released_at = time.monotonic()
        if not self._release(holding) or time.monotonic() - released_at > RESTORABLE:
            return
        answer = self._ask("restore_ip_address", _place(holding), GONE)
        if answer:
            holding.is_released = False
            again = Holding(
                holding.block_id, holding.address, holding.address_id, holding.interface_id
            )
            self._held.append(self._ledger.hold(again))

    def create_interface(self) -> None:
        """Create an interface with an address of each family."""
        interface_id = f"{self.name}-if-{self._next()}"
        args = {
            "interface": {
                "id": interface_id,
                "tenant_id": TENANT,
                "device_id": f"{self.name}-vm",
                "mac_address": self._mac(),
                "network": {"id": NETWORK, "tenant_id": TENANT},
            }
        }
        answer = self._ask("create_interface", args, FULL)
        if answer:
            held = self._take(answer.result["ip_addresses"])
            self._interfaces[interface_id] = held

    def delete_interface(self) -> None:
        """Delete an interface; what it held is released."""
        if not self._interfaces:
            return
        interface_id = self._random.choice(list(self._interfaces))
        held = self._interfaces.pop(interface_id)
        self._let_go(held)
        if self._ask("delete_interface", {"interface_id": interface_id}):
            _released(held)

    def allocate_in_network(self) -> None:
        """Give an interface one more address of each family."""
        if not self._interfaces:
            return
        interface_id = self._random.choice(list(self._interfaces))
        args = {**self._in_network(interface_id), "network": {}}
        answer = self._ask("allocate_network_ips", args, FULL)
        if answer:
            self._interfaces[interface_id] += self._take(answer.result["ip_addresses"])

    def release_in_network(self) -> None:
        """Release all addresses of an interface in its network."""
        if not self._interfaces:
            return
        interface_id = self._random.choice(list(self._interfaces))
        held, self._interfaces[interface_id] = self._interfaces[interface_id], []
        self._let_go(held)
        if self._ask("deallocate_network_ips", self._in_network(interface_id)):
            _released(held)

    def replace_instance(self) -> None:
        """Replace all interfaces of its instance; the old ones and what they held are gone."""
        network = {"id": NETWORK, "tenant_id": TENANT}
        interfaces = [
            {"mac_address": self._mac(), "network": network}
            for _ in range(self._random.randint(1, 2))
        ]
        args = {
            "instance_id": f"{self.name}-instance",
            "instance": {"tenant_id": TENANT, "interfaces": interfaces},
        }
        held, self._instance = self._instance, []
        self._let_go(held)
        answer = self._ask("replace_instance_interfaces", args)
        if answer:
            _released(held)
            for made in answer.result["interfaces"]:
                self._instance += self._take(made["ip_addresses"])

    def cast_allocation(self) -> None:
        """Have an address allocated without waiting for the answer; events will tell."""
        block = self._random.choice([self._blocks.wide, self._blocks.narrow])
        vif = {"interface_id": f"cast-{self._next()}"}
        args = {"tenant_id": TENANT, "ip_block_id": block, "ip_address": vif}
        self._cast("allocate_ip_address", args)

    def cast_release(self) -> None:
        """Have an address released without waiting for the answer."""
        if holding := self._pop():
            self._let_go([holding])
            self._cast("deallocate_ip_address", _place(holding))
            _released([holding])

    def repeat_something_old(self) -> None:
        """Send a request again that was answered before: the answer has to be the same."""
        if not self._done:
            return
        first = self._random.choice(self._done)
        self._ledger.note_copy()
        again = self._until_answered(first)
        if again is not None and again != first.answer:
            self._ledger.contradict(f"{first}: first {first.answer}, again {again}")

    # --- how it asks ------------------------------------------------------------------

    def _ask(
        self, method: str, args: Mapping[str, Any], refusals: Sequence[str] = ()
    ) -> Answer | None:
        """Ask until there is an answer; None when it is no success."""
        asked = self._enter(method, args)
        twin: list[Answer | None] = []
        thread: threading.Thread | None = None
        if self._random.random() < 0.1:
            self._ledger.note_copy()
            thread = threading.Thread(target=lambda: twin.append(self._until_answered(asked)))
            thread.start()
        asked.answer = self._until_answered(asked)
        asked.answered_at = time.monotonic()
        if thread is not None:
            thread.join()
        if asked.answer is None:
            return None
        if twin and twin[0] is not None and twin[0] != asked.answer:
            self._ledger.contradict(f"{asked}: told {asked.answer}, and its twin {twin[0]}")
        self._done.append(asked)
        return asked.answer if self._is_fine(asked, refusals) else None

    def _is_fine(self, asked: Asked, refusals: Sequence[str]) -> bool:
        refusal = asked.answer.refusal if asked.answer else None
        if refusal is None:
            return True
        if not refusal.startswith(tuple(refusals)):
            self._ledger.contradict(f"{asked}: refused with {refusal}")
        return False

    def _cast(self, method: str, args: Mapping[str, Any]) -> None:
        asked = self._enter(method, args, is_cast=True)
        copies = 1
        if self._random.random() < 0.1:
            self._ledger.note_copy()
            copies = 2
        while copies and not self._clock.over:
            asked.sent += 1
            try:
                self._door.cast(method, args, asked.key)
                copies -= 1
            except Undecided as trouble:
                self._hesitate(asked, trouble)
        if copies:
            asked.trouble = "never accepted"
        asked.answered_at = time.monotonic()

    def _until_answered(self, asked: Asked) -> Answer | None:
        while not self._clock.over:
            asked.sent += 1
            try:
                return self._door.call(asked.method, asked.args, asked.key)
            except Undecided as trouble:
                self._hesitate(asked, trouble)
        return None

    def _hesitate(self, asked: Asked, trouble: Undecided) -> None:
        asked.trouble = str(trouble)
        self._ledger.note_trouble(f"{self._door.name}: {trouble}")
        time.sleep(0.2)

    def _enter(
        self, method: str, args: Mapping[str, Any], *, is_cast: bool = False,
        is_single: bool = False,
    ) -> Asked:  # fmt: skip
        asked = Asked(self._next(), self._door.name, method, args, is_cast, is_single)
        return self._ledger.ask(asked)

    # --- what it knows ----------------------------------------------------------------

    def _allocate(self, block: str, wanted: dict[str, str], refusals: Sequence[str]) -> None:
        args = {"tenant_id": TENANT, "ip_block_id": block, "ip_address": wanted}
        answer = self._ask("allocate_ip_address", args, refusals)
        if answer:
            self._held += self._take([answer.result])

    def _release(self, holding: Holding) -> bool:
        self._let_go([holding])
        if self._ask("deallocate_ip_address", _place(holding)) is None:
            return False
        _released([holding])
        return True

    def _take(self, addresses: Sequence[Mapping[str, Any]]) -> list[Holding]:
        return [
            self._ledger.hold(
                Holding(
                    address.get("ip_block_id") or address["ip_block"]["id"],
                    address["address"],
                    address["id"],
                    address["interface_id"],
                )
            )
            for address in addresses
        ]

    def _let_go(self, held: Sequence[Holding]) -> None:
        for holding in held:
            holding.until = time.monotonic()

    def _pop(self, block: str | None = None) -> Holding | None:
        mine = [holding for holding in self._held if block in (None, holding.block_id)]
        if not mine:
            return None
        holding = self._random.choice(mine)
        self._held.remove(holding)
        return holding

    def _next(self) -> str:
        self._count += 1
        return f"{self.name}-{self._count}"

    def _vif(self) -> str:
        return f"{self.name}-vif-{self._random.randint(0, 3)}"

    def _mac(self) -> str:
        self._count += 1
        digits = f"02{self._number:02x}{self._count:08x}"
        return "-".join(digits[at : at + 2] for at in range(0, 12, 2)).upper()

    def _in_network(self, interface_id: str) -> dict[str, str]:
        return {"tenant_id": TENANT, "network_id": NETWORK, "interface_id": interface_id}


def _place(holding: Holding) -> dict[str, str]:
    return {"tenant_id": TENANT, "ip_block_id": holding.block_id, "address": holding.address}


def _released(held: Sequence[Holding]) -> None:
    for holding in held:
        holding.is_released = True
