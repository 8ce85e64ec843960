"""Policies: which offsets and octets blocks do not hand out, in effect at once.

A policy's unusable ranges and octets are rows of their own with the same life; the two
modules named after them use what stands here for both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from ipamd import errors
from ipamd.db import bulk
from ipamd.db.database import Transaction
from ipamd.db.models import IpOctet, IpRange, Policy, table_of
from ipamd.ids import new_id
from ipamd.operations.common import Resource, Row, page, times
from ipamd.operations.fields import Fields

_POLICIES = table_of(Policy)
MAX_OFFSET = 2**63 - 1
MAX_RULES = 1000
RANGES_TABLE = table_of(IpRange)
OCTETS_TABLE = table_of(IpOctet)


def list_policies(
    tx: Transaction, tenant_id: str, limit: int | None = None, marker: str | None = None
) -> Resource:
    """List a tenant's policies."""
    statement = sa.select(_POLICIES).where(_POLICIES.c.tenant_id == tenant_id)
    return page(tx, "policies", statement, _POLICIES.c.id, _show, limit, marker)


def get_policy(tx: Transaction, tenant_id: str, policy_id: str) -> Resource:
    """Return one policy.

    Raises: PolicyNotFound
    """
    return _show(find(tx, policy_id, tenant_id))


def create_policy(tx: Transaction, tenant_id: str, policy: Resource) -> Resource:
    """Create a policy from ``{name, description?, unusable_ip_ranges?, unusable_ip_octets?}``.

    The last two are lists, ``[{offset, length}]`` and ``[0…255]``.

    Raises: ValidationError
    """
    fields = Fields(policy, "policy")
    values = {
        "id": new_id(),
        "tenant_id": tenant_id,
        "name": fields.text("name", required=True),
        "description": fields.text("description"),
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    rules = _read_rules(fields)
    fields.check()
    tx.execute(sa.insert(_POLICIES), values)
    _replace_rules(tx, str(values["id"]), rules)
    return _tell(tx, "policy.create", find(tx, str(values["id"]), tenant_id))


def update_policy(tx: Transaction, tenant_id: str, policy_id: str, policy: Resource) -> Resource:
    """Change a policy's name or description; ranges or octets that are given replace its own.

    Raises: PolicyNotFound, ValidationError
    """
    fields = Fields(policy, "policy")
    row = lock(tx, policy_id, tenant_id)
    values: dict[str, Any] = {}
    if fields.given("name"):
        values["name"] = fields.text("name", required=True)
    if fields.given("description"):
        values["description"] = fields.text("description")
    rules = _read_rules(fields)
    fields.check()
    if not values and not rules:
        return _show(row)
    _replace_rules(tx, policy_id, rules)
    tx.execute(
        sa.update(_POLICIES).where(_POLICIES.c.id == policy_id).values(**values, updated_at=tx.now)
    )
    return _tell(tx, "policy.update", find(tx, policy_id, tenant_id))


def delete_policy(tx: Transaction, tenant_id: str, policy_id: str) -> None:
    """Delete a policy; blocks that had it have none.

    Raises: PolicyNotFound
    """
    row = lock(tx, policy_id, tenant_id)
    _tell(tx, "policy.delete", row)
    tx.execute(sa.delete(_POLICIES).where(_POLICIES.c.id == row.id))


def _read_rules(fields: Fields) -> dict[sa.Table, list[Resource]]:
    """Read the lists of ranges and octets that a policy's body may hold."""
    rules: dict[sa.Table, list[Resource]] = {}
    for name, table, read in (
        ("unusable_ip_ranges", RANGES_TABLE, read_range),
        ("unusable_ip_octets", OCTETS_TABLE, _read_bare_octet),
    ):
        given = fields.body.get(name)
        if given is None:
            continue
        if not isinstance(given, list) or len(given) > MAX_RULES:
            fields.wrong(name, f"{name} should be a list of at most {MAX_RULES}")
            continue
        rules[table] = [read(item) for item in given]
    return rules


def _replace_rules(tx: Transaction, policy_id: str, rules: dict[sa.Table, list[Resource]]) -> None:
    for table, rows in rules.items():
        tx.execute(sa.delete(table).where(table.c.policy_id == policy_id))
        moments = {"created_at": tx.now, "updated_at": tx.now}
        whole = [{"id": new_id(), "policy_id": policy_id, **row, **moments} for row in rows]
        bulk.insert(tx, table, whole)


def read_range(body: object, *, required: bool = True) -> Resource:
    """Read ``{offset, length}`` of an unusable range.

    Raises: BadRequest, ValidationError
    """
    fields = Fields(body, "ip_range")
    found: Resource = {}
    for name, low, text in (
        ("offset", -MAX_OFFSET, "offset should be an integer"),
        ("length", 0, "length should be a positive integer"),
    ):
        if required or fields.given(name):
            found[name] = fields.integer(name, text, low=low, high=MAX_OFFSET, required=True)
    fields.check()
    return found


def read_octet(body: object, *, required: bool = True) -> Resource:
    """Read ``{octet}`` of an unusable octet.

    Raises: BadRequest, ValidationError
    """
    fields = Fields(body, "ip_octet")
    if not required and not fields.given("octet"):
        return {}
    text = "octet should be an integer between 0 and 255"
    found = {"octet": fields.integer("octet", text, low=0, high=255, required=True)}
    fields.check()
    return found


def _read_bare_octet(octet: object) -> Resource:
    return read_octet({"octet": octet})


def find(tx: Transaction, policy_id: str, tenant_id: str) -> Row:
    """Read a tenant's policy.

    Raises: PolicyNotFound
    """
    return _found(tx.execute(_of(policy_id, tenant_id)).first())


def lock(tx: Transaction, policy_id: str, tenant_id: str) -> Row:
    """Lock a tenant's policy: its events, which show all of it, come in order.

    Raises: PolicyNotFound
    """
    return _found(tx.execute(_of(policy_id, tenant_id).with_for_update()).first())


def _of(policy_id: str, tenant_id: str) -> sa.Select[Any]:
    return sa.select(_POLICIES).where(
        _POLICIES.c.id == policy_id, _POLICIES.c.tenant_id == tenant_id
    )


def _found(row: Row | None) -> Row:
    if row is None:
        raise errors.PolicyNotFound()
    return row


def _show(row: Row) -> Resource:
    return {
        "id": row.id,
        "tenant_id": row.tenant_id,
        "name": row.name,
        "description": row.description,
        **times(row),
    }


def _tell(tx: Transaction, event_type: str, row: Row) -> Resource:
    """Emit an event with the policy, its ranges and octets; return the policy."""
    shown = _show(row)
    payload = {
        **shown,
        **_told(tx, "unusable_ip_ranges", RANGES_TABLE, show_range, row.id),
        **_told(tx, "unusable_ip_octets", OCTETS_TABLE, show_octet, row.id),
    }
    tx.emit(event_type, payload, tenant_id=row.tenant_id)
    return shown


def _told(
    tx: Transaction, plural: str, table: sa.Table, show: Callable[[Row], Resource], policy_id: str
) -> Resource:
    """Show what a policy has of one kind, the first ones of very many.

    One at a time a policy may get any number, and each of these changes has its event.
    """
    of_policy = table.c.policy_id == policy_id
    statement = sa.select(table).where(of_policy).order_by(table.c.id).limit(MAX_RULES + 1)
    rows = tx.execute(statement).all()
    told: Resource = {plural: [show(rule) for rule in rows[:MAX_RULES]]}
    if len(rows) > MAX_RULES:
        number = tx.execute(sa.select(sa.func.count()).where(of_policy)).scalar_one()
        told[f"{plural}_left_out"] = number - MAX_RULES
    return told


def show_range(row: Row) -> Resource:
    """Return an unusable range as RPC results carry it."""
    return _show_rule(row, "offset", "length")


def show_octet(row: Row) -> Resource:
    """Return an unusable octet as RPC results carry it."""
    return _show_rule(row, "octet")


def _show_rule(row: Row, *names: str) -> Resource:
    return {
        "id": row.id,
        "policy_id": row.policy_id,
        **{name: getattr(row, name) for name in names},
        **times(row),
    }


# --- what ranges and octets have in common ------------------------------------------


class Rules:
    """The rows of one kind that policies exclude addresses with."""

    def __init__(
        self,
        table: sa.Table,
        plural: str,
        show: Callable[[Row], Resource],
        not_found: type[errors.NotFound],
    ) -> None:
        self._table = table
        self._plural = plural
        self._show = show
        self._not_found = not_found

    def list(
        self,
        tx: Transaction,
        tenant_id: str,
        policy_id: str,
        limit: int | None,
        marker: str | None,
    ) -> Resource:
        """List a policy's rows.  Raises: PolicyNotFound"""
        find(tx, policy_id, tenant_id)
        statement = sa.select(self._table).where(self._table.c.policy_id == policy_id)
        return page(tx, self._plural, statement, self._table.c.id, self._show, limit, marker)

    def get(self, tx: Transaction, tenant_id: str, policy_id: str, rule_id: str) -> Resource:
        """Return one row.  Raises: PolicyNotFound, and the kind's own NotFound"""
        find(tx, policy_id, tenant_id)
        return self._show(self._find(tx, policy_id, rule_id))

    def create(
        self, tx: Transaction, tenant_id: str, policy_id: str, values: Resource
    ) -> Resource:
        """Insert a row with checked ``values``.  Raises: PolicyNotFound"""
        policy = lock(tx, policy_id, tenant_id)
        rule_id = new_id()
        moments = {"created_at": tx.now, "updated_at": tx.now}
        row = {"id": rule_id, "policy_id": policy_id, **values, **moments}
        tx.execute(sa.insert(self._table), row)
        _tell(tx, "policy.update", policy)
        return self._show(self._find(tx, policy_id, rule_id))

    def update(
        self, tx: Transaction, tenant_id: str, policy_id: str, rule_id: str, values: Resource
    ) -> Resource:
        """Change a row.  Raises: PolicyNotFound, and the kind's own NotFound"""
        policy = lock(tx, policy_id, tenant_id)
        row = self._find(tx, policy_id, rule_id)
        if values:
            moved = {**values, "updated_at": tx.now}
            tx.execute(sa.update(self._table).where(self._table.c.id == row.id).values(**moved))
            _tell(tx, "policy.update", policy)
        return self._show(self._find(tx, policy_id, rule_id))

    def delete(self, tx: Transaction, tenant_id: str, policy_id: str, rule_id: str) -> None:
        """Delete a row.  Raises: PolicyNotFound, and the kind's own NotFound"""
        policy = lock(tx, policy_id, tenant_id)
        row = self._find(tx, policy_id, rule_id)
        tx.execute(sa.delete(self._table).where(self._table.c.id == row.id))
        _tell(tx, "policy.update", policy)

    def _find(self, tx: Transaction, policy_id: str, rule_id: str) -> Row:
        row = tx.execute(
            sa.select(self._table).where(
                self._table.c.id == rule_id, self._table.c.policy_id == policy_id
            )
        ).first()
        if row is None:
            raise self._not_found()
        return row


RANGES = Rules(RANGES_TABLE, "ip_ranges", show_range, errors.IpRangeNotFound)
OCTETS = Rules(OCTETS_TABLE, "ip_octets", show_octet, errors.IpOctetNotFound)
