"""Filters of lists: a field, an operator, and values; each becomes one SQL condition.

``field=value`` is equality; ``in:a,b``, ``nin:a,b``, ``neq:a``, ``gt:``, ``gte:``,
``lt:`` and ``lte:`` are the operators of the OpenStack API-SIG (filtering).  ``eq:`` is
equality as well, for values that begin like an operator.
"""

from __future__ import annotations

import operator as operators
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ipamd import errors
from ipamd.ipam.addresses import Cidr, parse_cidr

Condition = sa.ColumnElement[bool]
Parse = Callable[[str], Any]
MAX_VALUES = 200


COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "gt": operators.gt,
    "gte": operators.ge,
    "lt": operators.lt,
    "lte": operators.le,
}


@dataclass(frozen=True)
class Field:
    """A field to filter by: its column, and how its text is read."""

    column: sa.ColumnElement[Any]
    parse: Parse = str
    sortable: bool = True

    def among(self, values: Sequence[Any]) -> Condition:
        """Build the condition that the field has one of some values that were parsed."""
        return self.column.in_(values)

    def compare(self, operator: str, value: Any) -> Condition:
        """Build the condition that the field is ``gt``, ``gte``, ``lt`` or ``lte`` a value."""
        compare: Callable[[Any, Any], Condition] = COMPARISONS[operator]
        return compare(self.column, value)


@dataclass(frozen=True)
class CidrField(Field):
    """A block's CIDR: its first address, by which it is ordered, and its prefix length."""

    parse: Parse = parse_cidr
    length: sa.ColumnElement[Any] = field(kw_only=True)

    def among(self, values: Sequence[Cidr]) -> Condition:
        pairs = [(value.first, value.prefix_length) for value in values]
        return sa.or_(
            *[sa.and_(self.column == first, self.length == bits) for first, bits in pairs]
        )

    def compare(self, operator: str, value: Cidr) -> Condition:
        return super().compare(operator, value.first)


def condition(fields: Mapping[str, Field], name: str, text: object) -> Condition:
    """Build the condition of one filter; None is a filter for what has no value.

    Raises: ValidationError
    """
    by = fields.get(name)
    if by is None:
        raise wrong(name[:80], f"{name[:80]} is not a field to filter by")
    if text is None:
        return by.column.is_(None)
    if not isinstance(text, str) or not text.isprintable():
        raise wrong(name, f"{name} should be a string")
    operator, colon, rest = text.partition(":")
    if not colon or operator not in OPERATORS:
        operator, rest = "eq", text
    texts = rest.split(",") if operator in ("in", "nin") else [rest]
    if len(texts) > MAX_VALUES:
        raise wrong(name, f"{name} can be one of {MAX_VALUES} values at most")
    try:
        values = [by.parse(each) for each in texts]
    except (ValueError, OverflowError):
        raise wrong(name, f"{name} has a value that is not valid") from None
    return OPERATORS[operator](by, values)


def _any(by: Field, values: Sequence[Any]) -> Condition:
    return by.among(values)


def _none(by: Field, values: Sequence[Any]) -> Condition:
    # What has no value differs from every value.
    return sa.or_(by.column.is_(None), sa.not_(by.among(values)))


def _comparing(operator: str) -> Callable[[Field, Sequence[Any]], Condition]:
    return lambda by, values: by.compare(operator, values[0])


OPERATORS: Mapping[str, Callable[[Field, Sequence[Any]], Condition]] = {
    "eq": _any,
    "in": _any,
    "neq": _none,
    "nin": _none,
    **{name: _comparing(name) for name in COMPARISONS},
}


def parse_moment(text: str) -> datetime:
    """Read a time in ISO 8601; without a zone it is UTC.

    Raises: ValueError, OverflowError (a time that UTC has no year for)
    """
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_length(text: str) -> int:
    """Read the length of a prefix.

    Raises: ValueError
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise ValueError(text)
    return int(text)


def wrong(name: str, text: str) -> errors.ValidationError:
    """Make the error of a wrong argument."""
    return errors.ValidationError(fields={name: [text]})
