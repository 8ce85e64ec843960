"""IpamClient has each method of the RPC table, and nothing else is needed to use it."""

from __future__ import annotations

import inspect

import pytest
from oslo_config import cfg

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.rpc.client import IpamClient
from ipamd.rpc.methods import METHODS
from ipamd.rpc.methods_client import RpcMethods
from tests.rpc.support import Worker, make_conf, serving
from tests.services.waiting import wait_until


@pytest.mark.parametrize("name", METHODS)
def test_client_and_server_agree_on_every_method(name: str) -> None:
    method = METHODS[name]
    parameters = list(inspect.signature(getattr(RpcMethods, name)).parameters)[1:]
    key = ["idempotency_key"] if method.mutating else []
    assert parameters == [*method.parameters, *key, "timeout"]


@pytest.mark.parametrize("name", [name for name in METHODS if name.startswith("list_")])
def test_every_list_comes_in_pages(name: str) -> None:
    assert {"limit", "marker"} <= set(METHODS[name].parameters)


def test_every_client_method_is_documented() -> None:
    for name, method in inspect.getmembers(RpcMethods, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.getdoc(method), name


class Echo(Worker):
    """Answers any method with what arrived."""

    def call(self, context: RequestContext, method, args, *, request_key=None):  # type: ignore[no-untyped-def]
        self.contexts.append(context)
        self.calls.append((method, dict(args), request_key))
        if args.get("address") == "bad":
            raise errors.IpAddressNotFound()
        return {"method": method, "args": dict(args)}


def test_writes_carry_a_key_and_reads_do_not(transport_url: str) -> None:
    handler = Echo()
    with serving(make_conf(transport_url), handler):
        ipam = IpamClient(transport_url, tenant_id="T1")
        read = ipam.fit_in_ip_block("T1", "b1", count=3)
        write = ipam.allocate_ip_address("T1", "b1", {"interface_id": "i1"})
        given = ipam.allocate_ip_address("T1", "b1", idempotency_key="mine")
        ipam.deallocate_ip_address("T1", "b1", "10.0.0.2")
        ipam.cast("create_interface", interface={"tenant_id": "T1"})
        wait_until(lambda: len(handler.calls) == 5)
        with pytest.raises(errors.IpAddressNotFound):
            ipam.get_ip_address("T1", "b1", "bad")
        other = ipam.for_context(RequestContext(project_id="T2", overwrite=False))
        other.list_ip_blocks("T2", limit=5)
        ipam.close()
    assert read["args"] == {"tenant_id": "T1", "ip_block_id": "b1", "count": 3}
    assert write["args"]["ip_address"] == {"interface_id": "i1"}
    assert len(write["args"]["idempotency_key"]) == 32
    assert given["args"] == {
        "tenant_id": "T1",
        "ip_block_id": "b1",
        "idempotency_key": "mine",
    }
    assert "idempotency_key" in handler.calls[4][1]
    assert [context.tenant for context in handler.contexts] == ["T1"] * 6 + ["T2"]


def test_configuration_serves_as_well_as_a_url(conf: cfg.ConfigOpts) -> None:
    with serving(conf, Echo()):
        ipam = IpamClient(conf, tenant_id="T1")
        assert ipam.get_ip_block("T1", "b1")["method"] == "get_ip_block"
        ipam.close()


def test_no_broker_named_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="transport_url"):
        IpamClient(make_conf(""))
