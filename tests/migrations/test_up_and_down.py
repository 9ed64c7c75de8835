"""The schema comes up from nothing, goes away again, and is what shared/postgres/tables.py says."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from migrations import HEAD, NOTHING, downgrade, newest, upgrade
from shared.postgres.session import sqlalchemy_url
from shared.postgres.tables import SCHEMA, metadata

ALEMBIC_TABLE = "alembic_version"


async def relations(database_url: str) -> set[str]:
    """All tables, indexes and functions of the schema."""
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        """
        SELECT c.relname FROM pg_class c WHERE c.relnamespace = to_regnamespace($1)
        UNION ALL
        SELECT p.proname FROM pg_proc p WHERE p.pronamespace = to_regnamespace($1)
        """,
        SCHEMA,
    )
    await connection.close()
    return {name for (name,) in rows}


async def revision(database_url: str) -> str | None:
    connection = await asyncpg.connect(database_url)
    found: str | None = await connection.fetchval("SELECT version_num FROM foliot.alembic_version")
    await connection.close()
    return found


async def upgraded_elsewhere(database_url: str) -> tuple[int | None, str]:
    """Upgrade in a process of its own, as a server does; tells how it ended and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio, sys, migrations; asyncio.run(migrations.upgrade(sys.argv[1]))",
        database_url,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    return process.returncode, said.decode()


class TestUpgrading:
    async def test_from_nothing_brings_a_database_to_the_newest_revision(
        self, database_url: str
    ) -> None:
        """All an operator has to say is `migrate`."""
        await upgrade(database_url)

        assert HEAD == await revision(database_url)
        assert {table.name for table in metadata.tables.values()} <= await relations(database_url)

    def test_goes_to_the_revision_this_release_needs(self) -> None:
        """A migration added without moving HEAD would never be asked for."""
        assert HEAD == newest()

    async def test_again_changes_nothing(self, migrated_url: str) -> None:
        """Every start of a server may migrate."""
        before = await relations(migrated_url)

        await upgrade(migrated_url)

        assert before == await relations(migrated_url)

    async def test_by_two_servers_at_once_works_for_both(self, database_url: str) -> None:
        """Replicas start together; the second waits, and finds nothing to do."""
        endings = await asyncio.gather(
            upgraded_elsewhere(database_url), upgraded_elsewhere(database_url)
        )

        assert ((0, ""), (0, "")) == tuple(endings)
        assert HEAD == await revision(database_url)

    async def test_of_two_databases_of_one_server_at_once_works_for_both(
        self, database_url: str, another_database_url: str
    ) -> None:
        """The roles are the server's: both migrations make them."""
        endings = await asyncio.gather(
            upgraded_elsewhere(database_url), upgraded_elsewhere(another_database_url)
        )

        assert ((0, ""), (0, "")) == tuple(endings)
        assert HEAD == await revision(database_url)
        assert HEAD == await revision(another_database_url)


class TestDowngrading:
    async def test_to_nothing_leaves_nothing_but_the_record(self, migrated_url: str) -> None:
        """What went up comes down, function by function."""
        await downgrade(migrated_url, NOTHING)

        assert {ALEMBIC_TABLE, f"{ALEMBIC_TABLE}_pkc"} == await relations(migrated_url)
        assert await revision(migrated_url) is None

    async def test_and_upgrading_gives_the_same_schema(self, migrated_url: str) -> None:
        """A way back that cannot be gone twice is none."""
        before = await relations(migrated_url)

        await downgrade(migrated_url, NOTHING)
        await upgrade(migrated_url)

        assert before == await relations(migrated_url)


# PostgreSQL spells the expression of instance.closed_as in its own way, and Alembic compares
# spellings. That the column is there, with its type, is compared all the same.
@pytest.mark.filterwarnings("ignore:Computed default on instance.closed_as")
class TestTheSchema:
    async def test_is_what_the_tables_in_code_say(self, migrated_url: str) -> None:
        """Whoever reads tables.py reads the database."""
        assert [] == await differences(migrated_url)

    async def test_has_the_claims_index_that_the_comparison_leaves_out(
        self, migrated_url: str
    ) -> None:
        """Its columns are in the order in which a claim walks them."""
        connection = await asyncpg.connect(migrated_url)
        made = await connection.fetchval(
            "SELECT pg_get_indexdef('foliot.ready_claim_idx'::regclass)"
        )
        await connection.close()

        columns = '(queue, type, tenant_id COLLATE "C", flow, precedence)'
        assert f"CREATE INDEX ready_claim_idx ON foliot.ready USING btree {columns}" == made

    async def test_is_known_to_differ_where_it_does(self, migrated_url: str) -> None:
        """The comparison above sees a missing index, a missing column and a wrong type."""
        connection = await asyncpg.connect(migrated_url)
        await connection.execute(
            """
            DROP INDEX foliot.task_parked_idx;
            ALTER TABLE foliot.lease DROP COLUMN claimed_at;
            ALTER TABLE foliot.timer ALTER COLUMN timer_id TYPE integer USING 0
            """
        )
        await connection.close()

        found = await differences(migrated_url)

        assert {"add_index", "add_column", "modify_type"} == {
            (one[0] if isinstance(one, list) else one)[0] for one in found
        }


async def differences(database_url: str) -> Sequence[Any]:
    """What Alembic would change to make the database what the code says."""

    def compare(connection: Connection) -> Sequence[Any]:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": _is_ours,
                "include_object": _is_comparable,
                "compare_type": True,
                "compare_server_default": True,
                "version_table_schema": SCHEMA,
            },
        )
        found: Sequence[Any] = compare_metadata(context, metadata)
        return found

    engine = create_async_engine(sqlalchemy_url(database_url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(compare)
    finally:
        await engine.dispose()


def _is_ours(name: str | None, kind: str, parents: Any) -> bool:
    return kind != "schema" or name == SCHEMA


def _is_comparable(
    what: Any, name: str | None, kind: str, is_reflected: bool, compared: Any
) -> bool:
    """
    Partitions of history come and go by the month; the rest is for ever. Alembic cannot read
    the collation of an index's column.
    """
    return name != "ready_claim_idx" and not (
        kind == "table" and is_reflected and name is not None and name.startswith("history_")
    )
