"""``ipamd-manage status``: is the service well?  Broker, database, schema, backlog, workers."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from oslo_config import cfg

from ipamd import errors
from ipamd.context import RequestContext
from ipamd.db import outbox, schema
from ipamd.db.database import Database
from ipamd.rpc import transport
from ipamd.rpc.broadcast import ask_workers

TIMEOUT = 5.0
MAX_AGE = 300.0


@dataclass
class Status:
    """What was found; ``problems`` are sentences, and none when all is well."""

    problems: list[str] = field(default_factory=list)
    broker: dict[str, Any] | None = None
    database: dict[str, Any] | None = None
    workers: list[dict[str, Any]] = field(default_factory=list)
    oldest_event: str | None = None
    waiting_events: int | None = None


def find_status(conf: cfg.ConfigOpts, *, timeout: float, max_age: float) -> Status:
    """Ask everything; ``max_age``: seconds that an event may wait to be published.

    The database is asked from here where it is named here, and by the workers.
    """
    found = Status()
    has_broker = transport.is_configured(conf)
    if has_broker:
        _ask_workers(found, conf, timeout)
    if conf.database.connection or not has_broker:
        _ask_database(found, conf)
    _judge_backlog(found, max_age)
    return found


def _ask_workers(found: Status, conf: cfg.ConfigOpts, timeout: float) -> None:
    try:
        answered = ask_workers(conf, "get_worker_status", timeout)
    except errors.Unavailable as error:
        found.broker = {"status": "unavailable"}
        found.problems.append(error.message)
        return
    found.broker = {
        "status": "ok",
        "address": answered.address,
        "workers": answered.workers,
        "requests_waiting": answered.waiting,
        "casts_postponed": answered.postponed,
        "dead_letters": answered.dead,
    }
    for answer in answered.answers:
        if isinstance(answer, errors.IpamError):
            found.problems.append(f"A worker refused to say how it is: {answer.message}")
            continue
        found.workers.append(answer)
        if answer["status"] != "ok":
            who = f"{answer['host']} (process {answer['pid']})"
            found.problems.append(f"The worker on {who} cannot work: {answer['reason']}")
    found.workers.sort(key=lambda worker: (worker["host"], worker["pid"]))
    missing = answered.workers - len(answered.answers)
    if not answered.workers:
        found.problems.append("No worker takes requests")
    elif missing > 0:
        found.problems.append(
            f"{missing} of {answered.workers} workers did not answer within {timeout:g} seconds"
        )
    if answered.dead:
        found.problems.append(f"{answered.dead} messages wait in the dead-letter queue")
    for worker in found.workers:
        if worker["outbox_backlog"] is not None:
            found.waiting_events = worker["outbox_backlog"]
            found.oldest_event = worker["outbox_oldest"]


def _ask_database(found: Status, conf: cfg.ConfigOpts) -> None:
    found.database = {"status": "unavailable", "schema": None, "schema_needed": schema.head()}
    try:
        db = Database(conf)
        try:
            _read_database(found, db, found.database)
        finally:
            db.close()
    except sa.exc.ArgumentError as error:
        found.problems.append(f"[database] connection: {error}")
    except (sa.exc.SQLAlchemyError, errors.Unavailable, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        found.problems.append(f"The database cannot be reached from here: {reason}")


def _read_database(found: Status, db: Database, told: dict[str, Any]) -> None:
    file = db.engine.url.database if db.dialect == "sqlite" else None
    if file is not None and not os.path.exists(file):
        found.problems.append(f"There is no database at {file}")
        return
    told["schema"] = schema.current(db)
    told["status"] = "ok"
    try:
        schema.require_current(db)
    except schema.SchemaError as error:
        found.problems.append(str(error)[:1].upper() + str(error)[1:])
        return
    waiting = db.run(RequestContext(overwrite=False), outbox.backlog, read_only=True)
    found.waiting_events = waiting.events
    found.oldest_event = outbox.timestamp(waiting.oldest) if waiting.oldest else None


def _judge_backlog(found: Status, max_age: float) -> None:
    if found.oldest_event is None:
        return
    waited = (datetime.now(UTC) - datetime.fromisoformat(found.oldest_event)).total_seconds()
    if waited > max_age:
        found.problems.append(f"An event has waited {waited:.0f} seconds to be published")


def as_json(found: Status) -> str:
    """Write what was found as JSON."""
    return json.dumps({"status": "not ok" if found.problems else "ok", **asdict(found)}, indent=2)


def as_text(found: Status) -> str:
    """Write what was found for people: a line for each part, the workers as a table."""
    lines = []
    if found.broker is not None:
        lines.append("broker    " + _named(found.broker))
    if found.database is not None:
        lines.append("database  " + _named(found.database))
    if found.waiting_events is not None:
        oldest = f", the oldest since {found.oldest_event}" if found.oldest_event else ""
        lines.append(f"outbox    {found.waiting_events} events wait{oldest}")
    if found.workers:
        names = ("host", "pid", "version", "status", "database", "schema")
        rows = [names, *(tuple(str(w.get(name)) for name in names) for w in found.workers)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
        lines.append("")
        lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    lines += ["", *(found.problems or ["All is well."])]
    return "\n".join(lines)


def _named(values: dict[str, Any]) -> str:
    status, *others = values.items()
    return ", ".join([str(status[1]), *(f"{k.replace('_', ' ')} {v}" for k, v in others)])
