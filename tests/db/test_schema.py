"""Migrations: they make what the models describe, once, and can be undone."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from ipamd import config
from ipamd.db import schema
from ipamd.db.database import Database
from ipamd.db.models import Base, Outbox, table_of
from tests.services.databases import fresh_database

OUTBOX = table_of(Outbox)


def reflect(db: Database) -> dict[str, Any]:
    """Describe every table as the database itself sees it, collations included."""
    inspector = sa.inspect(db.engine)
    mariadb = db.engine.dialect.name == "mysql"
    found: dict[str, Any] = {}
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        found[table] = {
            "columns": [
                {**column, "type": repr(column["type"])} for column in inspector.get_columns(table)
            ],
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": sorted(inspector.get_foreign_keys(table), key=_name),
            "unique": sorted(inspector.get_unique_constraints(table), key=_name),
            # Conditions of partial indexes are objects, each equal to itself alone.
            "indexes": [
                {**index, "dialect_options": _as_text(index.get("dialect_options", {}))}
                for index in sorted(inspector.get_indexes(table), key=_name)
            ],
            "options": inspector.get_table_options(table) if mariadb else {},
        }
    return found


def _as_text(options: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in options.items()}


def _name(item: Any) -> str:
    return str(item["name"])


@pytest.fixture
def fresh_db(empty_db: Database) -> Database:
    """A database migrated for one test alone, which may spoil its schema."""
    schema.upgrade(empty_db)
    return empty_db


def test_migrations_and_models_agree(fresh_db: Database) -> None:
    with fresh_db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_make_the_very_tables_that_the_models_would(fresh_db: Database) -> None:
    migrated = reflect(fresh_db)
    Base.metadata.drop_all(fresh_db.engine)
    Base.metadata.create_all(fresh_db.engine)
    assert set(migrated) == set(Base.metadata.tables)
    for table, made in reflect(fresh_db).items():
        assert migrated[table] == made


def test_a_model_that_no_migration_made_is_noticed(fresh_db: Database) -> None:
    other = sa.MetaData()
    for table in Base.metadata.tables.values():
        table.to_metadata(other)
    sa.Table("newcomers", other, sa.Column("id", sa.Integer, primary_key=True))
    other.tables["scopes"].append_column(sa.Column("colour", sa.Integer))
    with fresh_db.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), other)
    assert [item[0] for item in differences] == ["add_table", "add_column"]


def test_upgrading_twice_is_harmless(empty_db: Database) -> None:
    assert schema.current(empty_db) is None
    schema.upgrade(empty_db)
    before = reflect(empty_db)
    schema.upgrade(empty_db)
    assert schema.current(empty_db) == schema.head()
    assert reflect(empty_db) == before


def test_downgrading_to_base_leaves_nothing(fresh_db: Database) -> None:
    schema.downgrade(fresh_db, "base")
    assert reflect(fresh_db) == {}
    assert schema.current(fresh_db) is None
    schema.upgrade(fresh_db)
    assert schema.current(fresh_db) == schema.head()


def test_processes_that_upgrade_at_the_same_time_all_succeed(
    empty_db: Database, database_url: str
) -> None:
    program = (
        "import sys; from ipamd import config; from ipamd.db import schema;"
        "from ipamd.db.database import Database; conf = config.load([]);"
        "conf.set_override('connection', sys.argv[1], group='database'); db = Database(conf);"
        "print('ready', flush=True); sys.stdin.read(1);"
        "schema.upgrade(db); print(schema.current(db))"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("!")
        process.stdin.flush()
    results = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0] * 4, results
    assert [out.strip() for out, _ in results] == [schema.head()] * 4
    assert set(reflect(empty_db)) == set(Base.metadata.tables)


def test_an_upgrade_that_was_interrupted_goes_on(empty_db: Database) -> None:
    # What MariaDB keeps of it; the others roll the whole of it back.
    schema.upgrade(empty_db)
    whole = reflect(empty_db)
    with empty_db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
        for table in ("ip_nats", "allowed_ips"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        (index,) = (i for i in OUTBOX.indexes if i.name == "ix_outbox_sent_at_id")
        index.drop(connection)
    schema.upgrade(empty_db)
    assert reflect(empty_db) == whole


def test_an_upgrade_that_fails_changes_nothing_for_good(empty_db: Database) -> None:
    with empty_db.engine.begin() as connection:
        # The last table of all cannot be made: a view has its name.
        connection.exec_driver_sql("CREATE VIEW ip_nats AS SELECT 1 AS id")
    with pytest.raises(sa.exc.DBAPIError):
        schema.upgrade(empty_db)
    assert schema.current(empty_db) is None
    with empty_db.engine.begin() as connection:
        connection.exec_driver_sql("DROP VIEW ip_nats")
    schema.upgrade(empty_db)
    schema.require_current(empty_db)


def test_a_program_refuses_a_database_without_schema(empty_db: Database) -> None:
    with pytest.raises(schema.SchemaError, match="no schema yet: run 'ipamd-manage db upgrade'"):
        schema.require_current(empty_db)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_any_text_gets_no_schema(
    postgresql_url: str, encoding: str
) -> None:
    with fresh_database(postgresql_url, encoding=encoding) as url:
        conf = config.load([])
        conf.set_override("connection", url, group="database")
        db = Database(conf)
        try:
            with pytest.raises(schema.SchemaError, match=f"is {encoding}, and has to be UTF8"):
                schema.upgrade(db)
            assert schema.current(db) is None
        finally:
            db.close()


def test_a_program_refuses_a_schema_from_the_future(fresh_db: Database) -> None:
    schema.require_current(fresh_db)
    with fresh_db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(schema.SchemaError, match="9999, which is newer than this version"):
        schema.require_current(fresh_db)
    with pytest.raises(schema.SchemaError, match="9999, which is newer than this version"):
        schema.upgrade(fresh_db)
