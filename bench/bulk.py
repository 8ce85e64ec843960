"""Group ``bulk``: addresses of one request against a multi-row INSERT of the same rows.

The rows are those of ``ip_addresses`` and ``outbox``, into tables with the same indexes;
the driver gets them ready made, one INSERT a table, in one transaction.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bench.figures import Results, Target, in_turns
from bench.scale import Scale
from bench.stores import TENANT, Servers, Store, opened
from ipamd import fast_json
from ipamd.db.models import IpAddress, Outbox, table_of
from ipamd.db.outbox import timestamp
from ipamd.ids import new_id

_TABLES = (table_of(IpAddress), table_of(Outbox))
# PostgreSQL takes 65,535 parameters in a statement; a row here has at most ten.
_ROWS_AT_ONCE = 6000
_ADDRESSES_A_ROUND = 2000


def run(results: Results, servers: Servers, scale: Scale) -> None:
    """Measure on each database."""
    for kind in scale.databases:
        with (
            servers.database(kind) as url,
            servers.database(kind) as other_url,
            opened(url) as store,
        ):
            plain = _PlainRows(other_url)
            try:
                _measure(results, scale, kind, store, plain)
            finally:
                plain.close()


def _measure(results: Results, scale: Scale, kind: str, store: Store, plain: _PlainRows) -> None:
    block = store.block("10.0.0.0/8")
    for count in scale.bulk_counts:
        calls = min(50, max(1, _ADDRESSES_A_ROUND // count))
        sides: dict[str, Callable[[], Mapping[str, float]]] = {
            "ipamd": functools.partial(_bulk, store, block, count, calls),
            "driver": functools.partial(plain.round, count, calls),
        }
        for warm_up in sides.values():
            warm_up()
        found = {side: values["rate"] for side, values in in_turns(scale.repeats, sides).items()}
        label = f"{kind}, {count:,} at once"
        results.add("bulk", f"{label}: addresses", found["ipamd"], "/s")
        results.add("bulk", f"{label}: driver's multi-row INSERT", found["driver"], "/s")
        target = Target(">=", 0.5) if count == 1000 else None
        name = f"{label}: addresses / driver's multi-row INSERT"
        results.ratio("bulk", name, found["ipamd"], found["driver"], target)


def _bulk(store: Store, block: str, count: int, calls: int) -> Mapping[str, float]:
    started = time.monotonic()
    for _ in range(calls):
        found = store.call(
            "allocate_ip_addresses",
            tenant_id=TENANT,
            ip_block_id=block,
            count=count,
            ip_address={"interface_id": "vif-1"},
        )
        if len(found["ip_addresses"]) != count:
            raise RuntimeError(f"{len(found['ip_addresses'])} addresses instead of {count}")
    return {"rate": calls * count / (time.monotonic() - started)}


class _PlainRows:
    """The driver's side: a store of its own, whose free space nobody asks."""

    def __init__(self, url: str) -> None:
        self._store = Store(url)
        self._block = self._store.block("10.0.0.0/8")
        self._store.allocate(self._block, "vif-1")
        self._next = 0xFFFF_0A00_0100
        self._sign = "?" if self._store.db.dialect == "sqlite" else "%s"

    def round(self, count: int, calls: int) -> Mapping[str, float]:
        """Insert the rows of so many requests; making them is not measured."""
        batches = [self._rows(count) for _ in range(calls)]
        connection = self._store.db.engine.raw_connection()
        cursor = connection.cursor()
        started = time.monotonic()
        for batch in batches:
            if self._store.db.dialect == "sqlite":
                cursor.execute("BEGIN IMMEDIATE")
            for table, rows in zip(_TABLES, batch, strict=True):
                for start in range(0, len(rows), _ROWS_AT_ONCE):
                    self._insert(cursor, table, rows[start : start + _ROWS_AT_ONCE])
            connection.commit()
        elapsed = time.monotonic() - started
        connection.close()
        return {"rate": calls * count / elapsed}

    def _insert(self, cursor: Any, table: sa.Table, rows: Sequence[Sequence[Any]]) -> None:
        names = [c.name for c in table.columns if not (table is _TABLES[1] and c.name == "id")]
        marks = f"({', '.join(self._sign for _ in names)})"
        head = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES "  # noqa: S608 - our own
        if self._store.db.dialect == "postgresql":
            sql = head + ", ".join([marks] * len(rows))
            cursor.execute(sql, [value for row in rows for value in row])
        else:
            # PyMySQL makes a multi-row INSERT of it; with SQLite nothing travels.
            cursor.executemany(head + marks, rows)

    def _rows(self, count: int) -> tuple[list[list[Any]], list[list[Any]]]:
        now: Any = datetime.now(UTC)
        moment = timestamp(now)
        now = now.replace(tzinfo=None)
        if self._store.db.dialect == "sqlite":
            now = now.isoformat(" ")
        addresses, events = [], []
        for _ in range(count):
            number = self._next
            self._next += 1
            row_id, event_id, address = new_id(), new_id(), number.to_bytes(16, "big")
            addresses.append([row_id, self._block, address, "vif-1", TENANT, None, None, now, now])
            payload = {
                "id": row_id, "ip_block_id": self._block, "address": f"10.0.0.{number & 255}",
                "version": 4, "interface_id": "vif-1", "used_by_tenant": TENANT,
                "used_by_device": None, "created_at": moment, "updated_at": moment,
                "event_id": event_id, "occurred_at": moment, "request_id": f"req-{row_id}",
                "tenant_id": TENANT, "idempotency_key": None,
            }  # fmt: skip
            events.append(
                [event_id, "ip_address.create", "INFO", TENANT, address, fast_json.dumps(payload),
                 now, None]
            )  # fmt: skip
        return addresses, events

    def close(self) -> None:
        """Close the store, which was never meant to be in order."""
        self._store.db.close()
