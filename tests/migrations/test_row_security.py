"""
The second net by the catalogue: no table with tenants' data is without row security, no key and
no reference of one goes past its tenant, and nothing that runs is above that.
"""

import re
from collections.abc import AsyncIterator

import asyncpg
import pytest

from migrations.protecting import DEFINERS, POLICIES
from shared.postgres.session import ACROSS_ROLE, CALLER_ROLE, CONTROL_PLANE_ROLE, EXECUTOR_ROLE

OF_NO_TENANT = {
    "ai_halt": "whether AI tasks are switched off everywhere",
    "ai_platform_policy": "what models may do anywhere",
    "alembic_version": "the schema's revision",
    "clock": "time is everybody's",
    "lineage": "the server is everybody's",
    "paused_queue": "queues are the platform's",
    "release_floor": "the schema's revision",
    "retention_turn": "which replica removes what is old",
    "retiring": "months of history",
}
KEYED_OTHERWISE = {
    "api_key": "it tells the tenant, and is null for who operates the platform",
    "executor_session": "it is null for one that works for every tenant",
}
RUNNING = (CONTROL_PLANE_ROLE, ACROSS_ROLE, EXECUTOR_ROLE, CALLER_ROLE)


@pytest.fixture
async def catalogue(migrated_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may read all of it."""
    connection = await asyncpg.connect(migrated_url)
    yield connection
    await connection.close()


class TestEveryTable:
    async def test_has_tenants_data_or_is_known_not_to(self, catalogue: asyncpg.Connection) -> None:
        """A table that forgets its tenant would be passed over by all that follows."""
        rows = await catalogue.fetch(
            """
            SELECT c.relname FROM pg_class c
             WHERE c.relnamespace = 'foliot'::regnamespace AND c.relkind IN ('r', 'p')
               AND NOT EXISTS (SELECT FROM pg_attribute a
                                WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')
            """
        )

        assert set(OF_NO_TENANT) == {name for (name,) in rows}


class TestEveryTableOfTenants:
    async def test_knows_the_tenant_of_each_row_and_keys_it_by_that_first(
        self, catalogue: asyncpg.Connection
    ) -> None:
        """Two tenants may use one id; and what leads the key can be sharded by."""
        rows = await catalogue.fetch(
            """
            SELECT c.relname
              FROM pg_class c
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
              LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
             WHERE c.relnamespace = 'foliot'::regnamespace AND c.relkind IN ('r', 'p')
               AND (NOT a.attnotnull OR k.conkey[1] IS DISTINCT FROM a.attnum)
            """
        )

        assert set(KEYED_OTHERWISE) == {name for (name,) in rows}

    async def test_has_the_tenant_in_whatever_is_unique(
        self, catalogue: asyncpg.Connection
    ) -> None:
        """Row security hides a row and not that its key is taken: who tries would learn of it."""
        rows = await catalogue.fetch(
            """
            SELECT c.relname, x.indexrelid::regclass::text
              FROM pg_index x
              JOIN pg_class c ON c.oid = x.indrelid
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
             WHERE c.relnamespace = 'foliot'::regnamespace AND x.indisunique
               AND NOT a.attnum = ANY (x.indkey)
            """
        )

        assert {(name, f"foliot.{name}_pkey") for name in KEYED_OTHERWISE} == {
            tuple(row) for row in rows
        }

    async def test_refers_to_others_within_its_tenant(self, catalogue: asyncpg.Connection) -> None:
        """A foreign key is checked past row security: it would find another tenant's row."""
        rows = await catalogue.fetch(
            """
            SELECT k.conname
              FROM pg_constraint k
              JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = 'tenant_id'
              LEFT JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attname = 'tenant_id'
             WHERE k.contype = 'f' AND k.connamespace = 'foliot'::regnamespace
               AND NOT EXISTS (
                     SELECT FROM unnest(k.conkey, k.confkey) AS p(own, other)
                      WHERE p.own = a.attnum AND p.other = f.attnum)
            """
        )

        assert [] == rows

    async def test_has_row_security_that_its_owner_is_held_to(
        self, catalogue: asyncpg.Connection
    ) -> None:
        """Enabled alone, it would not hold for whoever migrates; partitions are tables too."""
        rows = await catalogue.fetch(
            """
            SELECT c.relname FROM pg_class c
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
             WHERE c.relnamespace = 'foliot'::regnamespace AND c.relkind IN ('r', 'p')
               AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
            """
        )

        assert [] == rows

    async def test_has_these_policies_and_no_other(self, catalogue: asyncpg.Connection) -> None:
        """One more would let somebody in: policies add up. A partition lets nobody in by itself."""
        owner = await catalogue.fetchval("SELECT current_user")
        tables = await catalogue.fetch(
            """
            SELECT c.relname, c.relispartition FROM pg_class c
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
             WHERE c.relnamespace = 'foliot'::regnamespace AND c.relkind IN ('r', 'p')
            """
        )
        rows = await catalogue.fetch(
            """
            SELECT p.tablename, p.policyname, p.roles::text[], p.permissive, p.cmd, p.qual,
                   p.with_check
              FROM pg_policies p WHERE p.schemaname = 'foliot'
            """
        )

        assert {
            (
                name,
                policy,
                owner if role == "CURRENT_USER" else role,
                "PERMISSIVE",
                "ALL",
                _bare(rows_of),
                None,
            )
            for name, is_partition in tables
            if not is_partition
            for policy, (role, rows_of) in POLICIES.items()
        } == {(row[0], row[1], *row[2], row[3], row[4], _bare(row[5]), row[6]) for row in rows}

    async def test_of_a_month_to_come_has_it_too(self, catalogue: asyncpg.Connection) -> None:
        """Partitions are made by the sweep, long after the migration."""
        await catalogue.execute("SELECT foliot.ensure_history_partitions(5)")
        rows = await catalogue.fetch(
            """
            SELECT c.relrowsecurity AND c.relforcerowsecurity
              FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
             WHERE h.inhparent = 'foliot.history'::regclass
            """
        )

        assert [True] * 7 == [is_held for (is_held,) in rows]


@pytest.mark.parametrize("role", RUNNING)
class TestARoleThatRuns:
    async def test_is_above_nothing(self, catalogue: asyncpg.Connection, role: str) -> None:
        """A superuser and who bypasses row security see everything, whatever the policies say."""
        row = await catalogue.fetchrow(
            """
            SELECT r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, r.rolreplication
              FROM pg_roles r WHERE r.rolname = $1
            """,
            role,
        )

        assert [False] * 5 == list(row)

    async def test_owns_nothing(self, catalogue: asyncpg.Connection, role: str) -> None:
        """An owner can take row security away."""
        owned = await catalogue.fetch(
            """
            SELECT c.relname FROM pg_class c
             WHERE c.relnamespace = 'foliot'::regnamespace AND c.relowner = $1::text::regrole
            UNION ALL
            SELECT p.proname FROM pg_proc p
             WHERE p.pronamespace = 'foliot'::regnamespace AND p.proowner = $1::text::regrole
            """,
            role,
        )

        assert [] == owned

    async def test_has_no_other_roles_rights(
        self, catalogue: asyncpg.Connection, role: str
    ) -> None:
        """What it may become it is not: policies of roles it inherited would be its own."""
        rows = await catalogue.fetch(
            """
            SELECT r.rolname FROM pg_roles r
             WHERE r.rolname <> $1 AND pg_has_role($1, r.oid, 'USAGE')
            """,
            role,
        )

        assert [] == rows


class TestBecomingTheRoleThatSeesEveryTenant:
    async def test_is_for_the_control_plane_alone(self, catalogue: asyncpg.Connection) -> None:
        """Nobody logs in as it, and an executor or a caller of functions is never it."""
        can_login = await catalogue.fetchval(
            "SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", ACROSS_ROLE
        )
        allowed = {
            role
            for role in RUNNING
            if role != ACROSS_ROLE
            and await catalogue.fetchval("SELECT pg_has_role($1, $2, 'MEMBER')", role, ACROSS_ROLE)
        }

        assert (False, {CONTROL_PLANE_ROLE}) == (can_login, allowed)


class TestAFunctionThatActsAsTheOwner:
    async def test_is_listed(self, catalogue: asyncpg.Connection) -> None:
        """Each is a way past the policies, so each is looked at by somebody who adds a line."""
        rows = await catalogue.fetch(
            """
            SELECT p.proname FROM pg_proc p
             WHERE p.pronamespace = 'foliot'::regnamespace AND p.prosecdef
            """
        )

        assert set(DEFINERS) == {name for (name,) in rows}

    @pytest.mark.parametrize("name", DEFINERS)
    async def test_is_executed_by_whom_it_is_for(
        self, catalogue: asyncpg.Connection, name: str
    ) -> None:
        """PUBLIC would be every login of the server."""
        rows = await catalogue.fetch(
            """
            SELECT coalesce(r.rolname, 'PUBLIC')
              FROM pg_proc p
             CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
              LEFT JOIN pg_roles r ON r.oid = a.grantee
             WHERE p.pronamespace = 'foliot'::regnamespace AND p.proname = $1
               AND a.grantee <> p.proowner
            """,
            name,
        )

        assert set(DEFINERS[name]) == {role for (role,) in rows}

    @pytest.mark.parametrize("name", DEFINERS)
    async def test_is_the_tables_owners_and_finds_no_other_names(
        self, catalogue: asyncpg.Connection, name: str
    ) -> None:
        """By a caller's search path it would execute what the caller has put there."""
        row = await catalogue.fetchrow(
            """
            SELECT p.proowner = c.relowner, p.proconfig
              FROM pg_proc p, pg_class c
             WHERE p.pronamespace = 'foliot'::regnamespace AND p.proname = $1
               AND c.oid = 'foliot.tenant'::regclass
            """,
            name,
        )

        assert row[0]
        assert "search_path=pg_catalog, pg_temp" in row[1]


class TestEveryFunction:
    async def test_is_not_executed_by_everybody(self, catalogue: asyncpg.Connection) -> None:
        """That is what a function is made with, and has to be taken away."""
        rows = await catalogue.fetch(
            """
            SELECT p.proname
              FROM pg_proc p
             CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
             WHERE p.pronamespace = 'foliot'::regnamespace AND a.grantee = 0
            """
        )

        assert [] == rows


def _bare(expression: str) -> str:
    """Without what PostgreSQL adds when it prints one."""
    return re.sub(r"[()\s]", "", expression.replace(" AS scope", ""))
