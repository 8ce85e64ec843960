"""A small cloud to look at: blocks of every kind, in every state, made over the RPC methods."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from ipamd.context import RequestContext

OWNER = "netops"
Call = Callable[..., Any]


class Cloud:
    """What the tests of the pages look at, by name."""

    def __init__(self, call: Callable[[RequestContext, str, dict[str, Any]], Any]) -> None:
        self._call = call
        self._random = random.Random(8)  # the same cloud every time
        self.blocks: dict[str, str] = {}
        self.networks: dict[str, str] = {}

    def call(self, method: str, *, tenant: str = OWNER, **args: Any) -> Any:
        """Call an RPC method."""
        context = RequestContext(project_id=tenant, overwrite=False)
        return self._call(context, method, args)

    def block(self, cidr: str, **values: Any) -> str:
        """Create a block and remember it by its CIDR."""
        body = {"cidr": cidr, "type": "private", **values}
        made = self.call("create_ip_block", tenant_id=OWNER, ip_block=body)
        self.blocks[cidr] = made["id"]
        return str(made["id"])

    def subnet(self, parent: str, cidr: str, **values: Any) -> str:
        """Create a subnet of the block that has the CIDR ``parent``."""
        made = self.call(
            "create_subnet",
            tenant_id=OWNER,
            ip_block_id=self.blocks[parent],
            subnet={"cidr": cidr, **values},
        )
        self.blocks[cidr] = made["id"]
        return str(made["id"])

    def allocate(self, cidr: str, **values: Any) -> str:
        """Allocate one address."""
        found = self.call(
            "allocate_ip_address",
            tenant_id=OWNER,
            ip_block_id=self.blocks[cidr],
            ip_address=values,
        )
        return str(found["address"])

    def bulk(self, cidr: str, count: int, **values: Any) -> list[str]:
        """Allocate many addresses of one holder."""
        found = self.call(
            "allocate_ip_addresses",
            tenant_id=OWNER,
            ip_block_id=self.blocks[cidr],
            count=count,
            ip_address=values,
        )
        return [address["address"] for address in found["ip_addresses"]]

    def chosen(self, cidr: str, entries: list[dict[str, str]]) -> None:
        """Allocate chosen addresses, each to a holder of its own, in one request."""
        wanted = [{"ip_block_id": self.blocks[cidr], **entry} for entry in entries]
        found = self.call("allocate_chosen_ip_addresses", tenant_id=OWNER, ip_addresses=wanted)
        assert found["refused"] == []

    def release(self, cidr: str, address: str) -> None:
        """Put an address into quarantine."""
        self.call(
            "deallocate_ip_address",
            tenant_id=OWNER,
            ip_block_id=self.blocks[cidr],
            address=address,
        )

    def build(self) -> None:
        """Make it all."""
        self.build_networks()
        self.build_addresses()
        self.build_wide_blocks()

    def build_networks(self) -> None:
        """A network with ports, a block with subnets, a public block with a policy."""
        web = self.call("create_network", tenant_id="acme", network={"name": "web"})["id"]
        self.networks["web"] = web
        self.call("create_network", tenant_id="zeta", network={"name": "backup"})
        self.block("10.20.0.0/16", network_id=web)
        for cidr in ("10.20.0.0/24", "10.20.1.0/24", "10.20.2.0/24", "10.20.16.0/20"):
            self.subnet("10.20.0.0/16", cidr)
        for cidr in ("10.20.16.0/24", "10.20.17.0/24", "10.20.20.0/22"):
            self.subnet("10.20.16.0/20", cidr)
        rules = {
            "name": "no-printers",
            "unusable_ip_octets": [9, 10],
            "unusable_ip_ranges": [{"offset": 192, "length": 16}],
        }
        policy = self.call("create_policy", tenant_id=OWNER, policy=rules)["id"]
        self.block("203.0.113.0/24", type="public", policy_id=policy)

    def build_addresses(self) -> None:
        """Machines of three tenants, some of them gone."""
        for number in range(1, 9):
            vif = f"vif-web-{number}"
            port = self.call(
                "create_port", tenant_id="acme", network_id=self.networks["web"], port={}
            )["id"]
            self.allocate(
                "10.20.0.0/24", interface_id=vif, tenant_id="acme", used_by_device=f"web-{number}",
                mac_address=f"02:00:00:00:00:{number:02x}",
            )  # fmt: skip
            if number < 7:
                self.call(
                    "set_port_attachment", tenant_id="acme", network_id=self.networks["web"],
                    port_id=port, attachment={"id": vif},
                )  # fmt: skip
        self.bulk("10.20.0.0/24", 236, interface_id="lb-pool", tenant_id="acme")
        self.bulk("10.20.1.0/24", 96, interface_id="vif-ci", tenant_id="zeta")
        self.bulk("10.20.16.0/24", 210, interface_id="vif-render", tenant_id="acme")
        self.bulk("10.20.20.0/22", 300, interface_id="vif-lab", tenant_id="zeta")
        hosts = [host for host in range(2, 74) if host not in (9, 10)]
        tenants = [self._random.choice(("acme", "zeta", "initech")) for _ in hosts]
        edges = [
            {
                "address": f"203.0.113.{host}", "tenant_id": tenant,
                "interface_id": f"edge-{number}", "used_by_device": f"vm-{tenant}-{number}",
            }
            for number, (host, tenant) in enumerate(zip(hosts, tenants, strict=True))
        ]  # fmt: skip
        self.chosen("203.0.113.0/24", edges)
        for edge in edges[1:]:
            if self._random.random() < 0.2:
                self.release("203.0.113.0/24", edge["address"])

    def build_wide_blocks(self) -> None:
        """What is too wide to be seen address by address."""
        self.block("10.64.0.0/16")
        self.bulk("10.64.0.0/16", 9000, interface_id="vif-batch", tenant_id="initech")
        offsets = {
            min(65_000, max(9_100, int(self._random.gauss(38_000, 6_000)))) for _ in range(1500)
        }
        self.chosen(
            "10.64.0.0/16",
            [
                {
                    "address": f"10.64.{offset >> 8}.{offset & 255}",
                    "interface_id": "vif-spread",
                    "tenant_id": "zeta",
                }
                for offset in sorted(offsets)
            ],
        )
        self.block("2001:db8:42::/64")
        for number in range(1, 13):
            self.allocate(
                "2001:db8:42::/64", interface_id=f"v6-{number}", tenant_id="acme",
                used_by_device=f"web-{number}", mac_address=f"02:00:5e:10:00:{number:02x}",
            )  # fmt: skip
        self.block("192.0.2.0/31")
