"""The manager on bad input and on a database that is gone: one clear error each."""

from __future__ import annotations

from functools import partial
from threading import Event
from time import sleep
from typing import Any

import pytest
import sqlalchemy as sa

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.rpc.methods import MAX_DEPTH
from tests.db.store import TENANT, Store, together


def nested(levels: int) -> Any:
    """Return objects inside each other."""
    value: Any = {}
    for _ in range(levels - 1):
        value = {"in": value}
    return value


def test_arguments_may_be_nested_to_a_limit(store: Store) -> None:
    store.call(
        "create_network", tenant_id=TENANT, network={"name": "n", "x": nested(MAX_DEPTH - 2)}
    )
    before = len(store.rows("SELECT 1 FROM outbox"))
    for levels in (MAX_DEPTH - 1, 900):
        with pytest.raises(errors.BadRequest, match="nested"):
            store.call("create_network", tenant_id=TENANT, network={"x": nested(levels)})
    assert len(store.rows("SELECT 1 FROM outbox")) == before


@pytest.mark.parametrize("tenant", ["x" * 256, "nul\0", "\ud800"])
def test_a_tenant_that_is_none_is_refused_and_told_of(store: Store, tenant: str) -> None:
    context = RequestContext(project_id=tenant)
    args = {"tenant_id": TENANT, "ip_block": {"cidr": "10.0.0.0/24", "type": "private"}}
    with pytest.raises(errors.BadRequest, match="tenant") as refused:
        store.manager.call(context, "create_ip_block", args)
    assert store.rows("SELECT 1 FROM ip_blocks") == []
    store.manager.report_failure(context, "create_ip_block", args, refused.value)
    assert [row.event_type for row in store.rows("SELECT event_type FROM outbox")] == [
        "ip_block.create.error"
    ]


@pytest.mark.parametrize("method", ["create_" + "x" * 300, "\ud800", "nul\0", "_"])
def test_the_failure_of_a_method_that_does_not_exist_is_told_of(store: Store, method: str) -> None:
    error = errors.UnknownMethod()
    store.manager.report_failure(RequestContext(), method, {"deep": nested(900)}, error)
    assert [row.event_type for row in store.rows("SELECT event_type FROM outbox")] == [
        "request.cast.error"
    ]


def test_a_batch_without_a_database_fails_as_a_whole(store: Store) -> None:
    """One by one, each would wait for the database again, and all that follow behind."""
    store.db.conf.set_override("ip_allocation_retries", 1, group="ipam")
    begun, queued, begins = Event(), Event(), []

    def lose(_connection: sa.Connection) -> None:
        begins.append(1)
        begun.set()
        assert queued.wait(10)
        raise sa.exc.OperationalError("BEGIN", None, OSError("gone"), connection_invalidated=True)

    def ask(n: int) -> str:
        if n:
            assert begun.wait(10)
        with pytest.raises(errors.Unavailable) as refused:
            store.allocate("block")
        return refused.value.code

    def watch() -> str:
        while len(store.manager._combiner) < 5:
            sleep(0.01)
        queued.set()
        return "unavailable"

    sa.event.listen(store.db.engine, "begin", lose)
    try:
        codes = together(watch, *[partial(ask, n) for n in range(6)])
    finally:
        sa.event.remove(store.db.engine, "begin", lose)
    assert codes == ["unavailable"] * 7
    assert len(begins) == 2
