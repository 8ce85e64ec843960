"""The RPC methods on a test's database, and what else its tests ask of it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import sqlalchemy as sa

from ipamd.context import RequestContext
from ipamd.db.database import Database
from ipamd.rpc.manager import Manager

TENANT = "acme"
T = TypeVar("T")


class Store:
    """A manager on a database, asked in the name of one tenant."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.manager = Manager(db)

    def call(self, method: str, *, tenant: str = TENANT, **args: Any) -> Any:
        """Call an RPC method."""
        return self.manager.call(RequestContext(project_id=tenant), method, args)

    def block(self, cidr: str = "10.0.0.0/24", **values: Any) -> Any:
        """Create a private block."""
        body = {"cidr": cidr, "type": "private", **values}
        return self.call("create_ip_block", tenant_id=TENANT, ip_block=body)

    def subnet(self, parent: str, cidr: str) -> Any:
        """Create a subnet of a block."""
        body = {"cidr": cidr}
        return self.call("create_subnet", tenant_id=TENANT, ip_block_id=parent, subnet=body)

    def allocate(self, block: str, address: str | None = None, **values: Any) -> str:
        """Allocate an address, the next one or the one given; return it."""
        key = {"idempotency_key": values.pop("key")} if "key" in values else {}
        body = {"interface_id": "vif", "address": address, **values}
        found = self.call(
            "allocate_ip_address", tenant_id=TENANT, ip_block_id=block, ip_address=body, **key
        )
        return str(found["address"])

    def bulk(self, block: str, count: int) -> list[str]:
        """Allocate ``count`` addresses in one request."""
        found = self.call(
            "allocate_ip_addresses",
            tenant_id=TENANT,
            ip_block_id=block,
            count=count,
            ip_address={"interface_id": "vif"},
        )
        return [address["address"] for address in found["ip_addresses"]]

    def deallocate(self, block: str, address: str) -> None:
        """Put an address into quarantine."""
        self.call("deallocate_ip_address", tenant_id=TENANT, ip_block_id=block, address=address)

    def restore(self, block: str, address: str) -> None:
        """Take an address out of quarantine."""
        self.call("restore_ip_address", tenant_id=TENANT, ip_block_id=block, address=address)

    def rows(self, sql: str, **values: Any) -> list[sa.Row[Any]]:
        """Read with a statement of the test's own."""
        with self.db.engine.connect() as connection:
            return list(connection.execute(sa.text(sql), values).all())

    def write(self, statement: sa.Executable, values: Any = None) -> None:
        """Change the store behind ipamd's back."""
        with self.db.engine.begin() as connection:
            connection.execute(statement, values)


def together(*work: Any) -> list[Any]:
    """Run callables without arguments at the same time; return their results in order."""
    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result() for future in [pool.submit(item) for item in work]]


def numbers(addresses: Iterable[str]) -> list[int]:
    """Return the last octets of IPv4 addresses, in ascending order."""
    return sorted(int(address.rpartition(".")[2]) for address in addresses)
