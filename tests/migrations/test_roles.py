"""What each plane's role may do in the database, and that no forgotten transaction outlives it."""

import importlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from shared.postgres.session import (
    ACROSS_ROLE,
    CONTROL_PLANE_ROLE,
    EXECUTOR_ROLE,
    TIMEOUTS,
    TRANSACTION_TIMEOUT,
    open_pool,
)
from shared.postgres.tables import metadata

EXECUTOR_FUNCTIONS = {
    "now",
    "extend_session",
    "close_session",
    "claim",
    "release",
    "release_unknown",
}
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
_VERSION = importlib.import_module("migrations.versions.0011_row_security")
_AI: Mapping[str, tuple[str, str]] = importlib.import_module("migrations.versions.0012_ai").RIGHTS
ACROSS: Mapping[str, str] = {
    **_VERSION.ACROSS,
    **{table: of_turns for table, (_, of_turns) in _AI.items()},
    "release_floor": "SELECT",
    "lineage": "SELECT, INSERT, UPDATE",
}
ACROSS_FUNCTIONS: Sequence[str] = _VERSION.ACROSS_FUNCTIONS
ROLES = pytest.mark.parametrize("role", [CONTROL_PLANE_ROLE, EXECUTOR_ROLE])


@asynccontextmanager
async def acting_as(database_url: str, role: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as a plane opens it."""
    pool = await open_pool(database_url, role=role, max_size=1)
    async with pool.acquire() as connection:
        yield connection
    await pool.close()


async def executable(database_url: str, role: str) -> set[str]:
    """The functions of ours that a role may execute."""
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        """
        SELECT p.proname FROM pg_proc p
         WHERE p.pronamespace = 'foliot'::regnamespace
           AND has_function_privilege($1, p.oid, 'EXECUTE')
        """,
        role,
    )
    await connection.close()
    return {name for (name,) in rows}


async def granted(database_url: str, role: str) -> Mapping[str, set[str]]:
    """What a role may do to each relation of the schema, without those it may do nothing to."""
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        """
        SELECT c.relname, array_agg(p.privilege)
          FROM pg_class c
         CROSS JOIN unnest($2::text[]) AS p(privilege)
         WHERE c.relnamespace = 'foliot'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
           AND has_table_privilege($1, c.oid, p.privilege)
         GROUP BY c.relname
        """,
        role,
        PRIVILEGES,
    )
    await connection.close()
    return {name: set(privileges) for name, privileges in rows}


class TestTheExecutorsRole:
    async def test_executes_its_functions_and_no_other(self, migrated_url: str) -> None:
        """What an executor needs of the database is six calls."""
        assert EXECUTOR_FUNCTIONS == await executable(migrated_url, EXECUTOR_ROLE)

    async def test_touches_no_table(self, migrated_url: str) -> None:
        """An executor that was taken over reads nobody's data."""
        assert {} == await granted(migrated_url, EXECUTOR_ROLE)
        async with acting_as(migrated_url, EXECUTOR_ROLE) as connection:
            for table in metadata.tables.values():
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(f"SELECT FROM {table.fullname}")

    async def test_works_through_its_functions_all_the_same(self, migrated_url: str) -> None:
        """They act with their owner's rights."""
        async with acting_as(migrated_url, EXECUTOR_ROLE) as connection:
            session_id = await connection.fetchval("SELECT gen_random_uuid()")
            await connection.execute("SELECT foliot.extend_session($1, 'w', NULL, 60)", session_id)
            claimed = await connection.fetch(
                "SELECT * FROM foliot.claim($1, '{default}', '{HTTP}', 1, '')", session_id
            )

        assert [] == claimed

    async def test_creates_nothing(self, migrated_url: str) -> None:
        """A function of its own in our schema could be called in our place."""
        async with acting_as(migrated_url, EXECUTOR_ROLE) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("CREATE TABLE foliot.mine ()")


class TestTheControlPlanesRole:
    async def test_reads_what_turns_write_and_writes_what_requests_do(
        self, migrated_url: str
    ) -> None:
        """A request changes an instance through a turn, and by no statement of its own."""
        granted_now = await granted(migrated_url, CONTROL_PLANE_ROLE)

        everything = {"SELECT", "INSERT", "UPDATE", "DELETE"}
        tables = {table.name for table in metadata.tables.values()}
        written = {
            name: rights
            for name, rights in granted_now.items()
            if rights != {"SELECT"} and name in tables
        }
        assert tables - {"caller_tenant"} == granted_now.keys() & tables
        assert {
            "tenant": everything,
            "api_key": everything,
            "audit": {"SELECT", "INSERT"},
            "definition": everything,
            "ready": everything,
            "task_limit": everything,
            "idempotency": everything,
            "schedule": everything,
            "retention": everything,
            "quota": everything,
            "ai_policy": {"SELECT", "INSERT", "UPDATE"},
            "ai_switch": everything,
            "ai_task": {"SELECT", "UPDATE"},
            "ai_spend": {"SELECT", "INSERT", "UPDATE"},
            "ai_call": {"SELECT", "INSERT", "UPDATE"},
            "ai_tool_call": {"SELECT", "INSERT"},
        } == written

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE foliot.history SET payload = '{}'",
            "DELETE FROM foliot.history",
            "TRUNCATE foliot.history",
            "DROP TABLE foliot.history",
        ],
    )
    async def test_cannot_change_the_past(self, migrated_url: str, statement: str) -> None:
        """History is append-only, whatever bug or intruder there is."""
        async with acting_as(migrated_url, CONTROL_PLANE_ROLE) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)

    @pytest.mark.parametrize("change", ["UPDATE {} SET payload = '{{}}'", "DELETE FROM {}"])
    async def test_cannot_change_the_past_by_its_partitions(
        self, migrated_url: str, change: str
    ) -> None:
        """A partition is a table with rights of its own, also one made by a later sweep."""
        owner = await asyncpg.connect(migrated_url)
        await owner.execute("SELECT foliot.ensure_history_partitions(5)")
        partitions = await owner.fetch(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'foliot.history'::regclass"
        )
        await owner.close()

        assert 7 == len(partitions)
        async with acting_as(migrated_url, CONTROL_PLANE_ROLE) as connection:
            for (partition,) in partitions:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(change.format(partition))

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE foliot.clock SET moved_by = '1 hour'",
            "DELETE FROM foliot.clock",
            "INSERT INTO foliot.clock (only_row, moved_by) VALUES (true, '1 hour')",
        ],
    )
    async def test_cannot_move_the_clock(self, migrated_url: str, statement: str) -> None:
        """Time is nobody's to move but the owner's."""
        async with acting_as(migrated_url, CONTROL_PLANE_ROLE) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)

    async def test_executes_what_works_within_a_tenant(self, migrated_url: str) -> None:
        """And makes partitions when it starts."""
        expected = {
            "now",
            "ensure_history_partitions",
            "precedence",
            "flow",
            "tokens_at",
            "remove_instances",
            "scope",
        }
        assert expected == await executable(migrated_url, CONTROL_PLANE_ROLE)


class TestTheRoleThatSeesEveryTenant:
    async def test_touches_what_turns_and_loops_need(self, migrated_url: str) -> None:
        """Policies let it see all; what it may do there is granted by name."""
        granted_now = await granted(migrated_url, ACROSS_ROLE)

        assert {name: set(rights.split(", ")) for name, rights in ACROSS.items()} == granted_now

    async def test_claims_for_workers_that_have_no_connection(self, migrated_url: str) -> None:
        """By the functions that executors with a connection execute themselves."""
        expected = {name.split("(")[0] for name in ACROSS_FUNCTIONS}
        assert expected == await executable(migrated_url, ACROSS_ROLE)


class TestEveryRole:
    @ROLES
    async def test_has_timeouts_of_its_own(self, migrated_url: str, role: str) -> None:
        """Also for somebody who connects with psql: a paused client keeps its locks otherwise."""
        connection = await asyncpg.connect(migrated_url)
        settings = await connection.fetchval(
            "SELECT rolconfig FROM pg_roles WHERE rolname = $1", role
        )
        await connection.close()

        assert {**TIMEOUTS, **dict([TRANSACTION_TIMEOUT])} == dict(
            setting.split("=", 1) for setting in settings
        )

    @ROLES
    async def test_lives_under_them_in_a_pool(self, migrated_url: str, role: str) -> None:
        """A login that is only a member of the role has not the role's settings."""
        async with acting_as(migrated_url, role) as connection:
            found = {
                name: await connection.fetchval("SELECT current_setting($1)", name)
                for name in [*TIMEOUTS, TRANSACTION_TIMEOUT[0]]
            }
            acting = await connection.fetchval("SELECT current_user::text")

        assert {**TIMEOUTS, **dict([TRANSACTION_TIMEOUT])} == found
        assert role == acting

    @ROLES
    async def test_is_nothing_special_to_the_server(self, migrated_url: str, role: str) -> None:
        """No superuser, no maker of roles or databases, no reader past row security."""
        connection = await asyncpg.connect(migrated_url)
        rights = await connection.fetchrow(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolcanlogin"
            " FROM pg_roles WHERE rolname = $1",
            role,
        )
        await connection.close()

        assert (False, False, False, False, False, True) == tuple(rights)
