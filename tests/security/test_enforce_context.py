"""``[rpc] enforce_context`` over RabbitMQ: who comes by the bus reaches its own tenant's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db.database import Database
from ipamd.rpc.client import IpamClient
from ipamd.rpc.manager import Manager
from tests.db.conftest import conf, db, empty_db
from tests.rpc.support import make_conf, plain_client, serving

__all__ = ["conf", "db", "empty_db"]

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BODY = {"cidr": "10.0.0.0/24", "type": "private"}


@contextmanager
def service(url: str, db: Database, *, enforce: bool) -> Iterator[None]:
    with serving(make_conf(url, rpc__enforce_context=enforce), Manager(db)):
        yield


@contextmanager
def client(url: str, tenant: str | None, *, is_admin: bool = False) -> Iterator[IpamClient]:
    context = RequestContext(project_id=tenant, is_admin=is_admin, overwrite=False)
    made = IpamClient(url, context=context, timeout=20)
    try:
        yield made
    finally:
        made.close()


def test_a_tenant_reaches_its_own_and_what_it_leases(transport_url: str, db: Database) -> None:
    with (
        service(transport_url, db, enforce=True),
        client(transport_url, "owner") as owner,
        client(transport_url, "lessee") as lessee,
        client(transport_url, "stranger") as stranger,
    ):
        block = owner.create_ip_block("owner", BODY)["id"]
        leased = owner.allocate_ip_address(
            "owner", block, {"interface_id": "vif", "tenant_id": "lessee"}
        )["address"]
        assert lessee.get_interface("vif")["tenant_id"] == "lessee"
        with pytest.raises(errors.NotFound):
            stranger.get_interface("vif")
        with pytest.raises(errors.NotFound):
            stranger.get_ip_block("stranger", block)
        for steal in (
            lambda: stranger.get_ip_block("owner", block),
            lambda: stranger.create_ip_block("owner", BODY),
            lambda: stranger.allocate_ip_address("owner", block, {"interface_id": "mine"}),
            lambda: stranger.delete_ip_block("owner", block),
            lambda: stranger.create_interface({"tenant_id": "owner"}),
            lambda: stranger.list_mac_address_ranges(),
        ):
            with pytest.raises(errors.Forbidden):
                steal()
        found = owner.list_ip_addresses("owner", block)["ip_addresses"]
        assert [each["address"] for each in found] == [leased]


def test_an_admin_reaches_everything_and_nobody_nothing(transport_url: str, db: Database) -> None:
    with (
        service(transport_url, db, enforce=True),
        client(transport_url, "owner") as owner,
        client(transport_url, "ops", is_admin=True) as admin,
        client(transport_url, None) as nobody,
        plain_client(transport_url) as plain,
    ):
        block = owner.create_ip_block("owner", BODY)["id"]
        assert admin.get_ip_block("owner", block)["id"] == block
        with pytest.raises(errors.Forbidden):
            nobody.get_ip_block("owner", block)
        with pytest.raises(errors.Forbidden):
            plain.call({}, "get_ip_block", tenant_id="owner", ip_block_id=block)
        # What is no yes is no admin.
        for claim in ("true", 1, ["admin"], {"a": 1}):
            context = {"project_id": "x", "is_admin": claim}
            with pytest.raises(errors.Forbidden):
                plain.call(context, "get_ip_block", tenant_id="owner", ip_block_id=block)


def test_without_it_services_are_trusted(transport_url: str, db: Database) -> None:
    with service(transport_url, db, enforce=False), client(transport_url, "nova") as nova:
        block = nova.create_ip_block("owner", BODY)["id"]
        assert nova.get_ip_block("owner", block)["tenant_id"] == "owner"
