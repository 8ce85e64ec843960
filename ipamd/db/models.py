"""The whole data model.  Read through Core statements; no row becomes an ORM object.

Invariant of a block: its free ranges, its rows in ``ip_addresses`` and its reserved
addresses are disjoint, and together they are the block.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from ipamd.db.types import Address, Time, name_type, sequence_type, text_type, uuid_type

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(DeclarativeBase):
    """The declarative base; its metadata names every constraint."""

    metadata = sa.MetaData(naming_convention=NAMING)

    @classmethod
    def __table_cls__(cls, *args: Any, **kwargs: Any) -> sa.Table:
        kwargs.setdefault("mysql_engine", "InnoDB")
        kwargs.setdefault("mysql_default_charset", "utf8mb4")
        return sa.Table(*args, **kwargs)


def table_of(model: type[Base]) -> sa.Table:
    """Return the table of a model, for Core statements."""
    return cast("sa.Table", model.__table__)


Id = Annotated[str, mapped_column(uuid_type(), primary_key=True)]
Name = Annotated[str, mapped_column(name_type())]
OptionalName = Annotated[str | None, mapped_column(name_type())]
Ip = Annotated[int, mapped_column(Address)]
Moment = Annotated[datetime, mapped_column(Time)]


def _reference(column: str, *, ondelete: str, nullable: bool = False, **more: Any) -> Any:
    kind = name_type() if column == "interfaces.id" else uuid_type()
    return mapped_column(kind, sa.ForeignKey(column, ondelete=ondelete), nullable=nullable, **more)


class Policy(Base):
    """A named set of offsets and octets that are not handed out."""

    __tablename__ = "policies"
    __table_args__ = (sa.Index(None, "tenant_id", "id"),)

    id: Mapped[Id]
    tenant_id: Mapped[Name]
    name: Mapped[Name]
    description: Mapped[OptionalName]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]


class IpRange(Base):
    """Addresses a policy excludes: ``length`` of them from ``offset`` on."""

    __tablename__ = "ip_ranges"
    __table_args__ = (sa.Index(None, "policy_id", "id"),)

    id: Mapped[Id]
    policy_id: Mapped[str] = _reference("policies.id", ondelete="CASCADE")
    offset: Mapped[int] = mapped_column(sa.BigInteger)
    length: Mapped[int] = mapped_column(sa.BigInteger)
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]


class IpOctet(Base):
    """A last octet that a policy excludes, 0 to 255."""

    __tablename__ = "ip_octets"
    __table_args__ = (sa.Index(None, "policy_id", "id"),)

    id: Mapped[Id]
    policy_id: Mapped[str] = _reference("policies.id", ondelete="CASCADE")
    octet: Mapped[int] = mapped_column(sa.SmallInteger)
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]


class IpBlock(Base):
    """A CIDR owned by a tenant; its row is the lock of everything inside it."""

    __tablename__ = "ip_blocks"
    __table_args__ = (
        sa.Index(None, "tenant_id", "id"),
        sa.Index(None, "network_id", "id"),
        sa.Index(None, "parent_id", "id"),
        sa.Index(None, "policy_id"),
        sa.Index(None, "type", "first"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[Name]
    type: Mapped[str] = mapped_column(name_type(16))
    first: Mapped[Ip]
    last: Mapped[Ip]
    prefix_length: Mapped[int] = mapped_column(sa.SmallInteger)
    network_id: Mapped[OptionalName]
    parent_id: Mapped[str | None] = _reference("ip_blocks.id", ondelete="RESTRICT", nullable=True)
    policy_id: Mapped[str | None] = _reference("policies.id", ondelete="SET NULL", nullable=True)
    gateway: Mapped[int | None] = mapped_column(Address)
    dns1: Mapped[OptionalName]
    dns2: Mapped[OptionalName]
    # The reserved addresses follow from the row alone, whatever the options say later.
    reserve_network_address: Mapped[bool]
    # first | cyclic | random; ``cursor`` is the address a cyclic block gave last.
    allocation_strategy: Mapped[str] = mapped_column(name_type(16))
    cursor: Mapped[int | None] = mapped_column(Address)
    # Kept beside the rows they count, under the block's lock.
    subnets: Mapped[int] = mapped_column(default=0)
    allocated: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    quarantined: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]


class FreeRange(Base):
    """A run of free addresses of a block, both ends included.

    The key ends in ``last``: the first range at or after an address is one step along
    it, and taking addresses from a range's front leaves the key as it is.
    """

    __tablename__ = "free_ranges"

    ip_block_id: Mapped[str] = _reference("ip_blocks.id", ondelete="CASCADE", primary_key=True)
    last: Mapped[int] = mapped_column(Address, primary_key=True)
    first: Mapped[Ip]


class Interface(Base):
    """A virtual interface; its id is the caller's and unique over all tenants."""

    __tablename__ = "interfaces"
    __table_args__ = (sa.Index(None, "device_id", "id"), sa.Index(None, "tenant_id", "id"))

    id: Mapped[str] = mapped_column(name_type(), primary_key=True)
    tenant_id: Mapped[Name]
    device_id: Mapped[OptionalName]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]


def _quarantine_index(*columns: str) -> sa.Index:
    """Index addresses in quarantine alone: writes of held ones are spared it.

    Nor can PostgreSQL take it for a list of a block, which it would rather sort than read
    in order while it does not know yet how many addresses there are.  MariaDB indexes all.
    """
    where = sa.text("deallocated_at IS NOT NULL")
    return sa.Index(None, *columns, postgresql_where=where, sqlite_where=where)


class IpAddress(Base):
    """An address that is held, or in quarantine when ``deallocated_at`` is set."""

    __tablename__ = "ip_addresses"
    __table_args__ = (
        sa.UniqueConstraint("ip_block_id", "address"),
        sa.Index(None, "ip_block_id", "id"),
        _quarantine_index("ip_block_id", "deallocated_at"),
        sa.Index(None, "interface_id", "id"),
        sa.Index(None, "used_by_tenant_id", "id"),
        sa.Index(None, "used_by_device_id", "id"),
        sa.Index(None, "address"),
        _quarantine_index("deallocated_at"),
    )

    id: Mapped[Id]
    ip_block_id: Mapped[str] = _reference("ip_blocks.id", ondelete="CASCADE")
    address: Mapped[Ip]
    interface_id: Mapped[str | None] = _reference(
        "interfaces.id", ondelete="SET NULL", nullable=True
    )
    used_by_tenant_id: Mapped[OptionalName]
    used_by_device_id: Mapped[OptionalName]
    deallocated_at: Mapped[datetime | None] = mapped_column(Time)
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]


class MacAddressRange(Base):
    """MAC addresses that are handed out by themselves; as integers of 48 bits."""

    __tablename__ = "mac_address_ranges"

    id: Mapped[Id]
    cidr: Mapped[str] = mapped_column(name_type(64))
    first: Mapped[int] = mapped_column(sa.BigInteger)
    last: Mapped[int] = mapped_column(sa.BigInteger)
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]


class FreeMacRange(Base):
    """A run of free MAC addresses of a range, keyed like ``free_ranges``."""

    __tablename__ = "free_mac_ranges"

    mac_address_range_id: Mapped[str] = _reference(
        "mac_address_ranges.id", ondelete="CASCADE", primary_key=True
    )
    last: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    first: Mapped[int] = mapped_column(sa.BigInteger)


class MacAddress(Base):
    """The MAC address of an interface: one each, unique over everything."""

    __tablename__ = "mac_addresses"
    __table_args__ = (sa.UniqueConstraint("address"), sa.UniqueConstraint("interface_id"))

    id: Mapped[Id]
    address: Mapped[int] = mapped_column(sa.BigInteger)
    interface_id: Mapped[str] = _reference("interfaces.id", ondelete="CASCADE")
    mac_address_range_id: Mapped[str | None] = _reference(
        "mac_address_ranges.id", ondelete="SET NULL", nullable=True, index=True
    )
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]


class IpRoute(Base):
    """A static route of a block."""

    __tablename__ = "ip_routes"
    __table_args__ = (sa.Index(None, "ip_block_id", "id"),)

    id: Mapped[Id]
    ip_block_id: Mapped[str] = _reference("ip_blocks.id", ondelete="CASCADE")
    destination: Mapped[str] = mapped_column(name_type(64))
    netmask: Mapped[str | None] = mapped_column(name_type(64))
    gateway: Mapped[str] = mapped_column(name_type(64))
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]


class IpNat(Base):
    """One translation: an inside local address and one of its inside globals."""

    __tablename__ = "ip_nats"
    __table_args__ = (
        sa.UniqueConstraint("inside_local_address_id", "inside_global_address_id"),
        sa.Index(None, "inside_global_address_id", "id"),
    )

    id: Mapped[Id]
    inside_local_address_id: Mapped[str] = _reference("ip_addresses.id", ondelete="CASCADE")
    inside_global_address_id: Mapped[str] = _reference("ip_addresses.id", ondelete="CASCADE")
    created_at: Mapped[Moment]


class AllowedIp(Base):
    """An address, held by another interface, that this one may use as well."""

    __tablename__ = "allowed_ips"
    __table_args__ = (
        sa.UniqueConstraint("interface_id", "ip_address_id"),
        sa.Index(None, "ip_address_id"),
    )

    id: Mapped[Id]
    interface_id: Mapped[str] = _reference("interfaces.id", ondelete="CASCADE")
    ip_address_id: Mapped[str] = _reference("ip_addresses.id", ondelete="CASCADE")
    created_at: Mapped[Moment]


class Network(Base):
    """A Quantum network; its id is the ``network_id`` of blocks."""

    __tablename__ = "networks"
    __table_args__ = (sa.Index(None, "tenant_id", "id"),)

    id: Mapped[Id]
    tenant_id: Mapped[Name]
    name: Mapped[Name]
    op_status: Mapped[str] = mapped_column(name_type(16))
    extra: Mapped[str] = mapped_column(text_type())
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]


class Port(Base):
    """A port of a Quantum network; an attachment is plugged into one port at most."""

    __tablename__ = "ports"
    __table_args__ = (
        sa.Index(None, "network_id", "id"),
        sa.UniqueConstraint("attachment_id"),
    )

    id: Mapped[Id]
    network_id: Mapped[str] = _reference("networks.id", ondelete="CASCADE")
    state: Mapped[str] = mapped_column(name_type(16))
    op_status: Mapped[str] = mapped_column(name_type(16))
    attachment_id: Mapped[OptionalName]
    extra: Mapped[str] = mapped_column(text_type())
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]


class IdempotencyKey(Base):
    """The answer to a request that was done, committed together with its effects."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (sa.Index(None, "created_at"),)

    tenant_id: Mapped[str] = mapped_column(name_type(), primary_key=True)
    key: Mapped[str] = mapped_column(name_type(), primary_key=True)
    method: Mapped[str] = mapped_column(name_type(64))
    fingerprint: Mapped[str] = mapped_column(name_type(64))
    answer: Mapped[str] = mapped_column(text_type())
    created_at: Mapped[Moment]


class Outbox(Base):
    """An event of a committed change: first to be sent, then the journal.

    ``id`` is the event's ``sequence``.  Changes of one block or interface are made under
    one lock, so among them the order of ids is the order of commits.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        sa.UniqueConstraint("event_id"),
        sa.Index(None, "sent_at", "id"),
        sa.Index(None, "address", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(sequence_type(), primary_key=True, autoincrement=True)
    event_id: Mapped[str] = mapped_column(uuid_type())
    event_type: Mapped[str] = mapped_column(name_type(64))
    priority: Mapped[str] = mapped_column(name_type(16))
    tenant_id: Mapped[OptionalName]
    address: Mapped[int | None] = mapped_column(Address)
    payload: Mapped[str] = mapped_column(text_type())
    occurred_at: Mapped[Moment]
    sent_at: Mapped[datetime | None] = mapped_column(Time)


class DeletedIpBlock(Base):
    """When a block was deleted: with it ended what the journal tells of its addresses."""

    __tablename__ = "deleted_ip_blocks"
    __table_args__ = (sa.Index(None, "deleted_at"),)

    id: Mapped[Id]
    deleted_at: Mapped[Moment]


class Lease(Base):
    """Who does a task that one process at a time may do, and until when."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(name_type(64), primary_key=True)
    owner: Mapped[str] = mapped_column(name_type())
    expires_at: Mapped[Moment]


class Scope(Base):
    """A row to lock while a rule that spans blocks is checked (one network, all public)."""

    __tablename__ = "scopes"

    name: Mapped[str] = mapped_column(name_type(300), primary_key=True)
