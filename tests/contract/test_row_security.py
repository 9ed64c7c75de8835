"""What row security does to statements that forgot their tenant, on every table that has one."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.ids import TenantId
from shared.postgres.session import in_scope_of
from shared.postgres.tables import metadata
from tests.contract.worlds import ACME, OTHER, PostgresWorld

TABLES = sorted(table.name for table in metadata.tables.values() if "tenant_id" in table.c)
READ = [name for name in TABLES if name != "caller_tenant"]
"""There only functions of the owner's look."""

REFERRED_TO = {"tenant"}
"""Removing one of those is refused as long as there is anything of it."""

NO_SCOPE = "FO020"

VALUES = {
    "text": "'x'",
    "uuid": "'01890000-0000-7000-8000-000000000001'",
    "json": "'{}'",
    "bytea": "''",
    "boolean": "true",
    "timestamp with time zone": "now()",
    "interval": "'1 day'",
    "smallint": "1",
    "integer": "1",
    "bigint": "1",
    "double precision": "1",
}


@pytest.fixture
async def filled(postgres: PostgresWorld) -> PostgresWorld:
    """With a row of each of two tenants in every table, whatever they mean."""
    for name in TABLES:
        await fill(postgres.owner, name)
    return postgres


@pytest.fixture
async def connection(postgres: PostgresWorld) -> AsyncIterator[asyncpg.Connection]:
    """One that acts as requests do."""
    async with postgres.pool.acquire() as one:
        yield one


class TestAStatementThatForgotItsTenant:
    async def test_reads_the_rows_of_its_transactions_tenant(
        self, filled: PostgresWorld, connection: asyncpg.Connection
    ) -> None:
        """The second net: the bug is there, and nobody else's data is."""
        async with connection.transaction():
            await connection.execute(in_scope_of(ACME))
            seen = {name: await tenants_in(connection, name) for name in READ}

        assert dict.fromkeys(READ, (ACME,)) == seen
        assert dict.fromkeys(READ, (ACME, OTHER)) == {
            name: await tenants_in(filled.owner, name) for name in READ
        }

    async def test_changes_and_removes_no_others(
        self, filled: PostgresWorld, connection: asyncpg.Connection
    ) -> None:
        """Where requests may write at all."""
        removed = await tables_to(connection, "DELETE") - REFERRED_TO
        async with connection.transaction():
            await connection.execute(in_scope_of(ACME))
            for name in await tables_to(connection, "UPDATE"):
                await connection.execute(f"UPDATE foliot.{name} SET tenant_id = tenant_id")
            for name in removed:
                await connection.execute(f"DELETE FROM foliot.{name}")

        assert removed
        assert dict.fromkeys(removed, (OTHER,)) == {
            name: await tenants_in(filled.owner, name) for name in removed
        }

    @pytest.mark.usefixtures("filled")
    async def test_gives_nobody_a_row(self, connection: asyncpg.Connection) -> None:
        """What is written is looked at as well, and not only what was there before."""
        written = await tables_to(connection, "UPDATE")
        refused = set()
        for name in written:
            try:
                async with connection.transaction():
                    await connection.execute(in_scope_of(ACME))
                    await connection.execute(f"UPDATE foliot.{name} SET tenant_id = 'stranger'")
            except asyncpg.InsufficientPrivilegeError:
                refused.add(name)

        assert written
        assert written == refused


class TestATransactionThatNamesNoTenant:
    @pytest.mark.usefixtures("filled")
    async def test_fails_also_after_one_that_did(self, connection: asyncpg.Connection) -> None:
        """Nothing found would look like an answer; and connections are pooled."""
        told = {}
        for name in READ:
            before = await refusal_of(connection, name)
            async with connection.transaction():
                await connection.execute(in_scope_of(ACME))
                await tenants_in(connection, name)
            told[name] = before, await refusal_of(connection, name)

        assert dict.fromkeys(READ, (NO_SCOPE, NO_SCOPE)) == told


class TestTheRoleThatSeesEveryTenant:
    async def test_sees_them(self, filled: PostgresWorld) -> None:
        """Turns and loops are about many at once; each statement of theirs says which."""
        async with filled.across.acquire() as connection:
            readable = await tables_to(connection, "SELECT")
            seen = {name: await tenants_in(connection, name) for name in readable}

        assert dict.fromkeys(readable, (ACME, OTHER)) == seen


class TestAnOddTenantsName:
    @pytest.mark.parametrize(
        "name",
        ["", "ACME", "acme' OR 'a'='a", "acme'; RESET foliot.tenant; --", "a\x00b", "x" * 64],
    )
    async def test_is_nobodys(self, connection: asyncpg.Connection, name: str) -> None:
        """It is part of a statement's text, so it has to be harmless there."""
        async with connection.transaction():
            await connection.execute(in_scope_of(TenantId(name)))
            seen = await connection.fetch("SELECT t.tenant_id FROM foliot.tenant t")

        assert [] == seen


async def tenants_in(connection: asyncpg.Connection, table: str) -> tuple[str, ...]:
    """Whose rows there are to see, by a statement that names no tenant."""
    rows = await connection.fetch(f"SELECT t.tenant_id FROM foliot.{table} t")
    return tuple(sorted(row[0] for row in rows))


async def refusal_of(connection: asyncpg.Connection, table: str) -> str | None:
    """By which code that fails; None if it does not."""
    try:
        await tenants_in(connection, table)
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)
    return None


async def tables_to(connection: asyncpg.Connection, right: str) -> set[str]:
    """Where the connection's role has the right."""
    rows = await connection.fetch(
        "SELECT n FROM unnest($1::text[]) AS n WHERE has_table_privilege('foliot.' || n, $2)",
        TABLES,
        right,
    )
    return {name for (name,) in rows}


async def fill(owner: asyncpg.Connection, table: str) -> None:
    """Write a row of each tenant there, with no meaning: what checks meaning is taken away."""
    for (constraint,) in await owner.fetch(
        "SELECT conname FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype = 'c'",
        f"foliot.{table}",
    ):
        await owner.execute(f"ALTER TABLE foliot.{table} DROP CONSTRAINT {constraint}")
    columns = await owner.fetch(
        """
        SELECT a.attname, format_type(a.atttypid, NULL)
          FROM pg_attribute a
         WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
           AND a.attgenerated = '' AND a.attname <> 'tenant_id'
        """,
        f"foliot.{table}",
    )
    names = ", ".join(name for name, _ in columns)
    # Of a key that knows no tenant, the second row's is another.
    values = ", ".join(
        "t.tenant_id" if name == "key_id" else VALUES.get(type_, "'{}'") for name, type_ in columns
    ).replace("'01890000", "(CASE t.tenant_id WHEN 'acme' THEN '0189' ELSE '0190' END || '0000")
    values = values.replace("000000000001'", "000000000001')::uuid")
    await owner.execute(
        f"""
        INSERT INTO foliot.{table} (tenant_id, {names}) OVERRIDING SYSTEM VALUE
        SELECT t.tenant_id, {values} FROM (VALUES ('{ACME}'), ('{OTHER}')) AS t(tenant_id)
        ON CONFLICT DO NOTHING
        """
    )
