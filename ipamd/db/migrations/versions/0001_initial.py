"""The whole schema of the first release."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from ipamd.db.types import Address, Time, name_type, sequence_type, text_type, uuid_type

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table, those that others refer to first."""
    _create_deleted_ip_blocks()
    _create_idempotency_keys()
    _create_interfaces()
    _create_leases()
    _create_mac_address_ranges()
    _create_networks()
    _create_outbox()
    _create_policies()
    _create_scopes()
    _create_free_mac_ranges()
    _create_ip_blocks()
    _create_ip_octets()
    _create_ip_ranges()
    _create_mac_addresses()
    _create_ports()
    _create_free_ranges()
    _create_ip_addresses()
    _create_ip_routes()
    _create_allowed_ips()
    _create_ip_nats()


def downgrade() -> None:
    """Remove every table, in the opposite order."""
    for name in (
        "ip_nats",
        "allowed_ips",
        "ip_routes",
        "ip_addresses",
        "free_ranges",
        "ports",
        "mac_addresses",
        "ip_ranges",
        "ip_octets",
        "ip_blocks",
        "free_mac_ranges",
        "scopes",
        "policies",
        "outbox",
        "networks",
        "mac_address_ranges",
        "leases",
        "interfaces",
        "idempotency_keys",
        "deleted_ip_blocks",
    ):
        op.drop_table(name, if_exists=True)


def _create_deleted_ip_blocks() -> None:
    _table(
        "deleted_ip_blocks",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("deleted_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deleted_ip_blocks"),
    )
    _index("deleted_ip_blocks", "deleted_at")


def _create_idempotency_keys() -> None:
    _table(
        "idempotency_keys",
        sa.Column("tenant_id", name_type(), nullable=False),
        sa.Column("key", name_type(), nullable=False),
        sa.Column("method", name_type(64), nullable=False),
        sa.Column("fingerprint", name_type(64), nullable=False),
        sa.Column("answer", text_type(), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", name="pk_idempotency_keys"),
    )
    _index("idempotency_keys", "created_at")


def _create_interfaces() -> None:
    _table(
        "interfaces",
        sa.Column("id", name_type(), nullable=False),
        sa.Column("tenant_id", name_type(), nullable=False),
        sa.Column("device_id", name_type(), nullable=True),
        *_moments(),
        sa.PrimaryKeyConstraint("id", name="pk_interfaces"),
    )
    _index("interfaces", "device_id", "id")
    _index("interfaces", "tenant_id", "id")


def _create_leases() -> None:
    _table(
        "leases",
        sa.Column("name", name_type(64), nullable=False),
        sa.Column("owner", name_type(), nullable=False),
        sa.Column("expires_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _create_mac_address_ranges() -> None:
    _table(
        "mac_address_ranges",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("cidr", name_type(64), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        *_moments(),
        sa.PrimaryKeyConstraint("id", name="pk_mac_address_ranges"),
    )


def _create_networks() -> None:
    _table(
        "networks",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("tenant_id", name_type(), nullable=False),
        sa.Column("name", name_type(), nullable=False),
        sa.Column("op_status", name_type(16), nullable=False),
        sa.Column("extra", text_type(), nullable=False),
        *_moments(),
        sa.PrimaryKeyConstraint("id", name="pk_networks"),
    )
    _index("networks", "tenant_id", "id")


def _create_outbox() -> None:
    _table(
        "outbox",
        sa.Column("id", sequence_type(), nullable=False, autoincrement=True),
        sa.Column("event_id", uuid_type(), nullable=False),
        sa.Column("event_type", name_type(64), nullable=False),
        sa.Column("priority", name_type(16), nullable=False),
        sa.Column("tenant_id", name_type(), nullable=True),
        sa.Column("address", Address, nullable=True),
        sa.Column("payload", text_type(), nullable=False),
        sa.Column("occurred_at", Time, nullable=False),
        sa.Column("sent_at", Time, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("event_id", name="uq_outbox_event_id"),
        sqlite_autoincrement=True,
    )
    _index("outbox", "address", "id")
    _index("outbox", "sent_at", "id")


def _create_policies() -> None:
    _table(
        "policies",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("tenant_id", name_type(), nullable=False),
        sa.Column("name", name_type(), nullable=False),
        sa.Column("description", name_type(), nullable=True),
        *_moments(),
        sa.PrimaryKeyConstraint("id", name="pk_policies"),
    )
    _index("policies", "tenant_id", "id")


def _create_scopes() -> None:
    _table(
        "scopes",
        sa.Column("name", name_type(300), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_scopes"),
    )


def _create_free_mac_ranges() -> None:
    _table(
        "free_mac_ranges",
        sa.Column("mac_address_range_id", uuid_type(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mac_address_range_id", "last", name="pk_free_mac_ranges"),
        sa.ForeignKeyConstraint(
            ["mac_address_range_id"],
            ["mac_address_ranges.id"],
            name="fk_free_mac_ranges_mac_address_range_id",
            ondelete="CASCADE",
        ),
    )


def _create_ip_blocks() -> None:
    _table(
        "ip_blocks",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("tenant_id", name_type(), nullable=False),
        sa.Column("type", name_type(16), nullable=False),
        sa.Column("first", Address, nullable=False),
        sa.Column("last", Address, nullable=False),
        sa.Column("prefix_length", sa.SmallInteger(), nullable=False),
        sa.Column("network_id", name_type(), nullable=True),
        sa.Column("parent_id", uuid_type(), nullable=True),
        sa.Column("policy_id", uuid_type(), nullable=True),
        sa.Column("gateway", Address, nullable=True),
        sa.Column("dns1", name_type(), nullable=True),
        sa.Column("dns2", name_type(), nullable=True),
        sa.Column("reserve_network_address", sa.Boolean(), nullable=False),
        sa.Column("allocation_strategy", name_type(16), nullable=False),
        sa.Column("cursor", Address, nullable=True),
        sa.Column("subnets", sa.Integer(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), nullable=False),
        *_moments(),
        sa.PrimaryKeyConstraint("id", name="pk_ip_blocks"),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["ip_blocks.id"], name="fk_ip_blocks_parent_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policies.id"], name="fk_ip_blocks_policy_id", ondelete="SET NULL"
        ),
    )
    _index("ip_blocks", "network_id", "id")
    _index("ip_blocks", "parent_id", "id")
    _index("ip_blocks", "policy_id")
    _index("ip_blocks", "tenant_id", "id")
    _index("ip_blocks", "type", "first")


def _create_ip_octets() -> None:
    _table(
        "ip_octets",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("policy_id", uuid_type(), nullable=False),
        sa.Column("octet", sa.SmallInteger(), nullable=False),
        *_moments(),
        sa.PrimaryKeyConstraint("id", name="pk_ip_octets"),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policies.id"], name="fk_ip_octets_policy_id", ondelete="CASCADE"
        ),
    )
    _index("ip_octets", "policy_id", "id")


def _create_ip_ranges() -> None:
    _table(
        "ip_ranges",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("policy_id", uuid_type(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        *_moments(),
        sa.PrimaryKeyConstraint("id", name="pk_ip_ranges"),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policies.id"], name="fk_ip_ranges_policy_id", ondelete="CASCADE"
        ),
    )
    _index("ip_ranges", "policy_id", "id")


def _create_mac_addresses() -> None:
    _table(
        "mac_addresses",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("address", sa.BigInteger(), nullable=False),
        sa.Column("interface_id", name_type(), nullable=False),
        sa.Column("mac_address_range_id", uuid_type(), nullable=True),
        *_moments(),
        sa.PrimaryKeyConstraint("id", name="pk_mac_addresses"),
        sa.UniqueConstraint("address", name="uq_mac_addresses_address"),
        sa.UniqueConstraint("interface_id", name="uq_mac_addresses_interface_id"),
        sa.ForeignKeyConstraint(
            ["interface_id"],
            ["interfaces.id"],
            name="fk_mac_addresses_interface_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["mac_address_range_id"],
            ["mac_address_ranges.id"],
            name="fk_mac_addresses_mac_address_range_id",
            ondelete="SET NULL",
        ),
    )
    _index("mac_addresses", "mac_address_range_id")


def _create_ports() -> None:
    _table(
        "ports",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("network_id", uuid_type(), nullable=False),
        sa.Column("state", name_type(16), nullable=False),
        sa.Column("op_status", name_type(16), nullable=False),
        sa.Column("attachment_id", name_type(), nullable=True),
        sa.Column("extra", text_type(), nullable=False),
        *_moments(),
        sa.PrimaryKeyConstraint("id", name="pk_ports"),
        sa.UniqueConstraint("attachment_id", name="uq_ports_attachment_id"),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], name="fk_ports_network_id", ondelete="CASCADE"
        ),
    )
    _index("ports", "network_id", "id")


def _create_free_ranges() -> None:
    _table(
        "free_ranges",
        sa.Column("ip_block_id", uuid_type(), nullable=False),
        sa.Column("last", Address, nullable=False),
        sa.Column("first", Address, nullable=False),
        sa.PrimaryKeyConstraint("ip_block_id", "last", name="pk_free_ranges"),
        sa.ForeignKeyConstraint(
            ["ip_block_id"],
            ["ip_blocks.id"],
            name="fk_free_ranges_ip_block_id",
            ondelete="CASCADE",
        ),
    )


def _create_ip_addresses() -> None:
    _table(
        "ip_addresses",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("ip_block_id", uuid_type(), nullable=False),
        sa.Column("address", Address, nullable=False),
        sa.Column("interface_id", name_type(), nullable=True),
        sa.Column("used_by_tenant_id", name_type(), nullable=True),
        sa.Column("used_by_device_id", name_type(), nullable=True),
        sa.Column("deallocated_at", Time, nullable=True),
        *_moments(),
        sa.PrimaryKeyConstraint("id", name="pk_ip_addresses"),
        sa.UniqueConstraint("ip_block_id", "address", name="uq_ip_addresses_ip_block_id_address"),
        sa.ForeignKeyConstraint(
            ["interface_id"],
            ["interfaces.id"],
            name="fk_ip_addresses_interface_id",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["ip_block_id"],
            ["ip_blocks.id"],
            name="fk_ip_addresses_ip_block_id",
            ondelete="CASCADE",
        ),
    )
    _index("ip_addresses", "address")
    _index("ip_addresses", "deallocated_at")
    _index("ip_addresses", "interface_id", "id")
    _index("ip_addresses", "ip_block_id", "deallocated_at")
    _index("ip_addresses", "ip_block_id", "id")
    _index("ip_addresses", "used_by_device_id", "id")
    _index("ip_addresses", "used_by_tenant_id", "id")


def _create_ip_routes() -> None:
    _table(
        "ip_routes",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("ip_block_id", uuid_type(), nullable=False),
        sa.Column("destination", name_type(64), nullable=False),
        sa.Column("netmask", name_type(64), nullable=True),
        sa.Column("gateway", name_type(64), nullable=False),
        *_moments(),
        sa.PrimaryKeyConstraint("id", name="pk_ip_routes"),
        sa.ForeignKeyConstraint(
            ["ip_block_id"], ["ip_blocks.id"], name="fk_ip_routes_ip_block_id", ondelete="CASCADE"
        ),
    )
    _index("ip_routes", "ip_block_id", "id")


def _create_allowed_ips() -> None:
    _table(
        "allowed_ips",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("interface_id", name_type(), nullable=False),
        sa.Column("ip_address_id", uuid_type(), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_allowed_ips"),
        sa.UniqueConstraint(
            "interface_id", "ip_address_id", name="uq_allowed_ips_interface_id_ip_address_id"
        ),
        sa.ForeignKeyConstraint(
            ["interface_id"],
            ["interfaces.id"],
            name="fk_allowed_ips_interface_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["ip_address_id"],
            ["ip_addresses.id"],
            name="fk_allowed_ips_ip_address_id",
            ondelete="CASCADE",
        ),
    )
    _index("allowed_ips", "ip_address_id")


def _create_ip_nats() -> None:
    _table(
        "ip_nats",
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("inside_local_address_id", uuid_type(), nullable=False),
        sa.Column("inside_global_address_id", uuid_type(), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ip_nats"),
        sa.UniqueConstraint(
            "inside_local_address_id",
            "inside_global_address_id",
            name="uq_ip_nats_inside_local_address_id_inside_global_address_id",
        ),
        sa.ForeignKeyConstraint(
            ["inside_global_address_id"],
            ["ip_addresses.id"],
            name="fk_ip_nats_inside_global_address_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["inside_local_address_id"],
            ["ip_addresses.id"],
            name="fk_ip_nats_inside_local_address_id",
            ondelete="CASCADE",
        ),
    )
    _index("ip_nats", "inside_global_address_id", "id")


def _moments() -> list[sa.Column[datetime]]:
    return [
        sa.Column("created_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
    ]


def _table(name: str, *columns: sa.schema.SchemaItem, sqlite_autoincrement: bool = False) -> None:
    # MariaDB commits at every statement: an upgrade that was interrupted goes on where it was.
    op.create_table(
        name,
        *columns,
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_default_charset="utf8mb4",
        sqlite_autoincrement=sqlite_autoincrement,
    )


def _index(table: str, *columns: str) -> None:
    name = f"ix_{table}_{'_'.join(columns)}"
    op.create_index(name, table, list(columns), if_not_exists=True)
