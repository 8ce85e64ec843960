"""The feed of events: the journal, read on from a marker without missing any.

What is added to the journal stands, by (``sent_at``, ``id``), behind all that is there
(see ``db.outbox``), so a marker is such a pair: whatever comes later comes behind it.
``sequence`` is none: it is given before the commit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from ipamd import errors, events, fast_json
from ipamd.db.database import Transaction
from ipamd.db.models import Outbox, table_of
from ipamd.operations.common import Resource, Row, page_size
from ipamd.operations.filters import Condition, parse_moment

NOW = "now"
LATEST = "latest"
MAX_TYPES = 50
# Events looked through for those that are wanted, in one request.
WINDOW = 20_000

_OUTBOX = table_of(Outbox)
_TYPE = _OUTBOX.c.event_type
_NOUNS = {event_type.partition(".")[0] for event_type in events.EVENTS}
_ORDER = (_OUTBOX.c.sent_at, _OUTBOX.c.id)
_PLACES = sa.select(*_ORDER).where(_OUTBOX.c.sent_at.is_not(None))
_MARKER = re.compile(r"([0-9]{1,17})-([0-9]{1,18})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


class Place(NamedTuple):
    """A place in the journal: behind the event that was filed then, with that number."""

    sent_at: datetime
    id: int

    def __str__(self) -> str:
        return f"{(self.sent_at - _EPOCH) // _TICK}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read a marker.

        Raises: ValueError, OverflowError
        """
        match = _MARKER.fullmatch(text)
        if match is None:
            raise ValueError(text)
        return cls(_EPOCH + int(match[1]) * _TICK, int(match[2]))


_BEGINNING = Place(_EPOCH, 0)


def list_events(
    tx: Transaction,
    tenant_id: str | None = None,
    event_types: list[Any] | None = None,
    since: str | None = None,
    limit: int | None = None,
    marker: str | None = None,
) -> Resource:
    """List events in the order in which they were sent, from ``marker`` on.

    ``{events: [{marker, event_type, priority, payload}], next_marker, is_last}``.  Unlike
    other lists this one has no end: ``next_marker`` is always where to go on, now if not
    ``is_last``, else later; nothing is missed between.  Each event's ``marker`` is the place
    behind it.  Events are there once they were sent, or soon if there is no bus.

    ``marker`` unset: from ``since`` (ISO 8601, when they were sent), else from the
    beginning of the journal, which reaches back ``[ipam] journal_days``.  ``marker`` "now":
    none of the past; "latest": the last ``limit`` events that are wanted, looked for among the
    last 20,000.  ``tenant_id`` keeps a tenant's events, ``event_types`` those of types,
    ``<noun>.*`` of a noun.

    Raises: ValidationError
    """
    size = page_size(tx, limit)
    wanted = _of_types(event_types or [])
    if tenant_id is not None:
        wanted.append(_OUTBOX.c.tenant_id == tenant_id)
    newest = _newest(tx)
    if marker == NOW:
        return _answer([], newest, is_last=True)
    if marker == LATEST:
        return _answer(_latest(tx, newest, wanted, size), newest, is_last=True)
    start = _start(marker, since)
    bound = _bound(tx, start, newest) if wanted else newest
    found = tx.execute(
        sa.select(_OUTBOX)
        .where(_behind(start), _not_behind(bound), *wanted)
        .order_by(*_ORDER)
        .limit(size + 1)
    ).all()
    if len(found) > size:
        return _answer(found[:size], _place(found[size - 1]), is_last=False)
    return _answer(found, max(start, bound), is_last=bound >= newest)


def _answer(rows: Sequence[Row], end: Place, *, is_last: bool) -> Resource:
    return {
        "events": [
            {
                "marker": str(_place(row)),
                "event_type": row.event_type,
                "priority": row.priority,
                "payload": {**fast_json.loads(row.payload), "sequence": row.id},
            }
            for row in rows
        ],
        "next_marker": str(end),
        "is_last": is_last,
    }


def _newest(tx: Transaction) -> Place:
    """Return the end of the journal as this moment's readers see it.

    It bounds all further reading: what is committed meanwhile is for the next time.
    """
    last = tx.execute(_PLACES.order_by(*[column.desc() for column in _ORDER]).limit(1)).first()
    return _BEGINNING if last is None else _place(last)


def _latest(
    tx: Transaction, newest: Place, wanted: Sequence[Condition], size: int
) -> Sequence[Row]:
    """Read the last events, in their order."""
    down = [column.desc() for column in _ORDER]
    among = [_OUTBOX.c.sent_at.is_not(None), _not_behind(newest), *wanted]
    if wanted:
        farther = _PLACES.where(_not_behind(newest)).order_by(*down).offset(WINDOW).limit(1)
        last = tx.execute(farther).first()
        among += [] if last is None else [_behind(_place(last))]
    return tx.execute(sa.select(_OUTBOX).where(*among).order_by(*down).limit(size)).all()[::-1]


def _bound(tx: Transaction, start: Place, newest: Place) -> Place:
    """Return how far one request looks for what may be rare."""
    behind = _PLACES.where(_behind(start)).order_by(*_ORDER).offset(WINDOW - 1).limit(1)
    last = tx.execute(behind).first()
    return newest if last is None else min(newest, _place(last))


def _start(marker: str | None, since: str | None) -> Place:
    if marker is not None:
        try:
            return Place.parse(marker)
        except (ValueError, OverflowError):
            raise _wrong("marker", "marker is invalid") from None
    if since is None:
        return _BEGINNING
    try:
        return Place(parse_moment(since), 0)
    except (ValueError, OverflowError):
        raise _wrong("since", "since should be a time in ISO 8601") from None


def _behind(place: Place) -> Condition:
    # Not a comparison of pairs: MariaDB finds no range of its index in one.
    same = sa.or_(_OUTBOX.c.sent_at > place.sent_at, _OUTBOX.c.id > place.id)
    return sa.and_(_OUTBOX.c.sent_at >= place.sent_at, same)


def _not_behind(place: Place) -> Condition:
    same = sa.or_(_OUTBOX.c.sent_at < place.sent_at, _OUTBOX.c.id <= place.id)
    return sa.and_(_OUTBOX.c.sent_at <= place.sent_at, same)


def _of_types(wanted: Sequence[Any]) -> list[Condition]:
    if len(wanted) > MAX_TYPES:
        raise _wrong("event_types", f"event_types can be {MAX_TYPES} at most")
    alternatives: list[Condition] = []
    for text in wanted:
        if not isinstance(text, str) or not _is_type(text):
            raise _wrong("event_types", f"there are no events of the type {str(text)[:80]}")
        alternatives.append(
            _TYPE.startswith(text[:-1], autoescape=True)
            if text.endswith("*")
            else _TYPE.in_([text])
        )
    return [sa.or_(*alternatives)] if alternatives else []


def _is_type(text: str) -> bool:
    noun, _, rest = text.partition(".")
    return noun in _NOUNS if rest == "*" else events.is_known(text)


def _place(row: Row) -> Place:
    return Place(row.sent_at, row.id)


def _wrong(name: str, text: str) -> errors.ValidationError:
    return errors.ValidationError(fields={name: [text]})
