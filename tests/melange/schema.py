"""The schema of Melange's last version, and a small cloud kept in it.

Ids are readable here; Melange's were UUIDs, and so are those that ipamd compares.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import sqlalchemy as sa

MELANGE = sa.MetaData()
CREATED = datetime(2012, 5, 21, 18, 0, 41)  # noqa: DTZ001 - Melange kept UTC, and no zone
_HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).replace(tzinfo=None)
_SAME_ON_ALL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb3"}


def ident(name: str) -> str:
    """Return the id of the row that the tests call ``name``."""
    return str(uuid5(NAMESPACE_DNS, name))


def _table(name: str, *columns: Any, times: bool = True) -> sa.Table:
    both = [sa.Column("created_at", sa.DateTime), sa.Column("updated_at", sa.DateTime)]
    key = sa.Column("id", sa.String(36), primary_key=True)
    return sa.Table(name, MELANGE, key, *columns, *(both if times else []), **_SAME_ON_ALL)


def _text(name: str, length: int = 255, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _refers(name: str, to: str, length: int = 36) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), sa.ForeignKey(f"{to}.id"))


_table("policies", _text("name", nullable=False), _text("tenant_id"), _text("description"))
_table(
    "ip_ranges",
    sa.Column("offset", sa.Integer, nullable=False),
    sa.Column("length", sa.Integer, nullable=False),
    _refers("policy_id", "policies"),
)
_table(
    "ip_octets",
    sa.Column("octet", sa.Integer, nullable=False),
    _refers("policy_id", "policies"),
)
_table(
    "ip_blocks",
    _text("network_id"),
    _text("cidr", nullable=False),
    _text("type", 7),
    _text("tenant_id"),
    _text("gateway"),
    _text("dns1"),
    _text("dns2"),
    sa.Column("allocatable_ip_counter", sa.BigInteger),
    sa.Column("is_full", sa.Boolean),
    _refers("policy_id", "policies"),
    _refers("parent_id", "ip_blocks"),
)
_table(
    "ip_routes",
    _text("destination", nullable=False),
    _text("netmask"),
    _text("gateway", nullable=False),
    _refers("source_block_id", "ip_blocks"),
)
_table(
    "interfaces",
    _text("vif_id_on_device", 36),
    _text("device_id", 36),
    _text("tenant_id", 36),
)
_table(
    "mac_address_ranges",
    _text("cidr", nullable=False),
    sa.Column("next_address", sa.BigInteger),
)
_table(
    "mac_addresses",
    sa.Column("address", sa.BigInteger, nullable=False, unique=True),
    _refers("mac_address_range_id", "mac_address_ranges"),
    sa.Column("interface_id", sa.String(36), sa.ForeignKey("interfaces.id"), unique=True),
)
_table(
    "allocatable_macs",
    _refers("mac_address_range_id", "mac_address_ranges"),
    sa.Column("address", sa.BigInteger, nullable=False),
)
_table(
    "ip_addresses",
    _text("address", nullable=False),
    _refers("interface_id", "interfaces"),
    _refers("ip_block_id", "ip_blocks"),
    _text("used_by_tenant_id"),
    sa.Column("marked_for_deallocation", sa.Boolean),
    sa.Column("deallocated_at", sa.DateTime),
    sa.Column("allocated", sa.Boolean, default=True),
    sa.UniqueConstraint("address", "ip_block_id"),
)
_table(
    "allocatable_ips",
    _refers("ip_block_id", "ip_blocks"),
    _text("address", nullable=False),
)
_table(
    "ip_nats",
    _refers("inside_local_address_id", "ip_addresses"),
    _refers("inside_global_address_id", "ip_addresses"),
)
_table(
    "allowed_ips",
    _refers("ip_address_id", "ip_addresses"),
    _refers("interface_id", "interfaces"),
    sa.UniqueConstraint("ip_address_id", "interface_id"),
    times=False,
)
sa.Table(
    "migrate_version",
    MELANGE,
    sa.Column("repository_id", sa.String(250), primary_key=True),
    sa.Column("version", sa.Integer),
    **_SAME_ON_ALL,
)

ID_COLUMNS = {"id"} | {
    column.name
    for table in MELANGE.tables.values()
    for column in table.columns
    if column.foreign_keys
}


class MelangeDatabase:
    """A database with Melange's schema; rows name others by what the tests call them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = sa.create_engine(url, poolclass=sa.NullPool)
        with self._engine.begin() as connection:
            MELANGE.create_all(connection)

    def add(self, table: str, name: str, /, **values: Any) -> None:
        """Insert the row ``name``; what is not given is what a new row had."""
        columns = MELANGE.tables[table].columns
        row = {"id": name, **values}
        for key, value in row.items():
            if key in ID_COLUMNS and value is not None:
                row[key] = ident(value)
        if "created_at" in columns:
            row = {"created_at": CREATED, "updated_at": CREATED, **row}
        with self._engine.begin() as connection:
            connection.execute(sa.insert(MELANGE.tables[table]), row)

    def execute(self, sql: str) -> None:
        """Change rows as no Melange would have."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql(sql)


def add_cloud(melange: MelangeDatabase) -> None:
    """Insert rows of every table: a network, public addresses, two instances."""
    add = melange.add
    add("policies", "policy", name="careful", tenant_id="acme", description="no servers there")
    add("ip_ranges", "range", offset=10, length=5, policy_id="policy")
    add("ip_octets", "octet", octet=7, policy_id="policy")
    add(
        "ip_blocks", "blue", cidr="10.0.0.0/24", type="private", tenant_id="acme",
        network_id="blue", gateway="10.0.0.1", dns1="8.8.8.8", policy_id="policy",
        allocatable_ip_counter=167772170, is_full=False,
    )  # fmt: skip
    add(
        "ip_blocks", "blue6", cidr="fd00:b1::/64", type="private", tenant_id="acme",
        network_id="blue", gateway="fd00:b1::1",
    )  # fmt: skip
    add("ip_blocks", "public", cidr="192.0.2.0/24", type="public", tenant_id="acme")
    add(
        "ip_blocks", "front", cidr="192.0.2.64/26", type="public", tenant_id="acme",
        network_id="front", parent_id="public", gateway="192.0.2.65/26",
    )  # fmt: skip
    # As Melange did by default: no gateway, and the network's own address handed out.
    add("ip_blocks", "plain", cidr="10.9.0.0/24", type="private", tenant_id="acme")
    add(
        "ip_routes", "route", destination="10.20.0.0", netmask="255.255.0.0",
        gateway="10.0.0.254", source_block_id="blue",
    )  # fmt: skip
    add("interfaces", "one", vif_id_on_device="vif-1", device_id="vm-1", tenant_id="web")
    add("interfaces", "two", device_id="vm-2", tenant_id="web")
    add("interfaces", "three", vif_id_on_device="vif-3", device_id="vm-1", tenant_id="web")
    add("interfaces", "four", vif_id_on_device="vif-4", device_id="vm-4", tenant_id="other")
    add("mac_address_ranges", "macs", cidr="02-16-3E-00-00-00/24", next_address=0x02163E000003)
    add(
        "mac_addresses", "mac-1", address=0x02163E000000, mac_address_range_id="macs",
        interface_id="one",
    )  # fmt: skip
    add("mac_addresses", "mac-2", address=0x02AA00000001, interface_id="two")
    add("allocatable_macs", "free-mac", address=0x02163E000002, mac_address_range_id="macs")
    for name, address, block, interface in (
        ("a2", "10.0.0.2", "blue", "one"),
        ("a6", "fd00:00b1:0000:0000:0000:0000:0000:0042", "blue6", "one"),
        ("a4", "10.0.0.4", "blue", "two"),
        ("a66", "192.0.2.66", "front", "three"),
        ("a0", "10.9.0.0", "plain", "four"),
    ):
        tenant = "other" if interface == "four" else "web"
        add(
            "ip_addresses", name, address=address, ip_block_id=block, interface_id=interface,
            used_by_tenant_id=tenant, marked_for_deallocation=None,
        )  # fmt: skip
    add(
        "ip_addresses", "a3", address="10.0.0.3", ip_block_id="blue", used_by_tenant_id="web",
        marked_for_deallocation=True, deallocated_at=_HOUR_AGO,
        allocated=False,
    )  # fmt: skip
    add(
        "ip_addresses", "a5", address="10.0.0.5", ip_block_id="blue", used_by_tenant_id="web",
        marked_for_deallocation=False, allocated=False,
    )  # fmt: skip
    add("allocatable_ips", "free", address="10.0.0.6", ip_block_id="blue")
    add("ip_nats", "nat", inside_local_address_id="a2", inside_global_address_id="a66")
    add("allowed_ips", "allowed", ip_address_id="a2", interface_id="two")
    melange.execute("INSERT INTO migrate_version VALUES ('Melange DB', 7)")
