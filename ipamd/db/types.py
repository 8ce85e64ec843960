"""Column types that mean the same on PostgreSQL, MariaDB and SQLite."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect


class Address(sa.types.TypeDecorator[int]):
    """An IP address as 16 bytes, so that every engine orders addresses as numbers.

    In Python an ``int`` of 128 bits; IPv4 is mapped at ``::ffff:0:0/96`` (RFC 4291).
    """

    impl = sa.LargeBinary(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.BINARY(16))
        return dialect.type_descriptor(sa.LargeBinary(16))

    # The processors themselves, not what they are usually made of (process_bind_param and
    # its sister): every driver takes bytes as they are, and hot statements have many.
    def bind_processor(self, dialect: Dialect) -> Callable[[int | None], bytes | None]:
        return _to_bytes

    def result_processor(self, dialect: Dialect, coltype: Any) -> Callable[[Any], int | None]:
        return _to_int


def _to_bytes(value: int | None) -> bytes | None:
    return None if value is None else value.to_bytes(16, "big")


def _to_int(value: Any) -> int | None:
    return None if value is None else int.from_bytes(value, "big")


class Time(sa.types.TypeDecorator[datetime]):
    """A moment in UTC with microseconds; stored without a zone, aware in Python."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value if value.tzinfo is UTC else value.astimezone(UTC)
        return utc.replace(tzinfo=None)

    def process_result_value(self, value: Any, _: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        # All rows of a transaction have the same moment; SQLite's are made text of.
        return lru_cache(maxsize=16)(cast("Any", super().bind_processor(dialect)))


def name_type(length: int = 255) -> sa.types.TypeEngine[str]:
    """Return the type of an opaque identifier, compared byte by byte everywhere.

    MariaDB's default collation would take ``A`` for ``a`` and ``a`` for ``a `` with a
    trailing space; identifiers of tenants and interfaces must not collide that way.
    """
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_nopad_bin"),
        "mysql",
        "mariadb",
    )


class Uuid(sa.types.TypeDecorator[str]):
    """An id that ipamd makes: 36 ASCII characters.

    MariaDB refuses to compare it with text that is not ASCII.  No id is such text, so one
    that sorts behind all of them is sent instead.
    """

    impl = sa.String(36)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(
                mysql.VARCHAR(36, charset="ascii", collation="ascii_bin")
            )
        return dialect.type_descriptor(sa.String(36))

    def process_bind_param(self, value: str | None, _: Dialect) -> str | None:
        return "~" if value is not None and not value.isascii() else value

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], Any] | None:
        # The others compare with any text; hot statements have many ids.
        mariadb = dialect.name in ("mysql", "mariadb")
        return super().bind_processor(dialect) if mariadb else None


def uuid_type() -> sa.types.TypeEngine[str]:
    """Return the type of an id that ipamd makes."""
    return Uuid()


def text_type() -> sa.types.TypeEngine[str]:
    """Return the type of a JSON document of any length."""
    return sa.Text().with_variant(
        mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_nopad_bin"), "mysql", "mariadb"
    )


def sequence_type() -> sa.types.TypeEngine[int]:
    """Return a 64-bit integer that SQLite, too, can count up by itself."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
