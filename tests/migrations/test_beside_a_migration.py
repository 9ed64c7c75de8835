"""Who has statements prepared is not hurt by a migration that adds to their tables."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from control_plane.adapters.postgres.reaching import ReachedPool, SchemaChanged, TenantsPool
from shared.ids import TenantId
from shared.postgres.session import CONTROL_PLANE_ROLE, close_pool, open_pool

ACME = TenantId("acme")
STATEMENT = "SELECT t.* FROM foliot.tenant t WHERE t.tenant_id = $1"
ADDS = "ALTER TABLE foliot.tenant ADD COLUMN probe text"


@pytest.fixture
async def owner(migrated_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(migrated_url)
    await connection.execute("INSERT INTO foliot.tenant VALUES ($1, 'Acme', now())", ACME)
    yield connection
    await connection.close()


@pytest.fixture
async def tenants(migrated_url: str) -> AsyncIterator[TenantsPool]:
    """With one connection, so that it is the one whose statement is prepared."""
    pool = await open_pool(migrated_url, role=CONTROL_PLANE_ROLE, max_size=1)
    yield ReachedPool(pool).of(ACME)
    await close_pool(pool)


class TestAStatementThatWasPreparedBefore:
    async def test_is_answered_after_a_column_was_added(
        self, owner: asyncpg.Connection, tenants: TenantsPool
    ) -> None:
        """PostgreSQL refuses it once, as what it gives has changed; no caller hears of that."""
        before = await tenants.fetchrow(STATEMENT, ACME)
        await owner.execute(ADDS)

        after = await tenants.fetchrow(STATEMENT, ACME)

        assert before is not None
        assert after is not None
        assert [*before.keys(), "probe"] == [*after.keys()]

    async def test_among_others_may_be_sent_again(
        self, owner: asyncpg.Connection, tenants: TenantsPool
    ) -> None:
        """What came before it in the transaction cannot be done again here: the caller does."""
        await tenants.fetchrow(STATEMENT, ACME)
        await owner.execute(ADDS)

        with pytest.raises(SchemaChanged, match="send it again"):
            async with tenants.transaction() as connection:
                await connection.fetchrow(STATEMENT, ACME)
        async with tenants.transaction() as connection:
            found = await connection.fetchrow(STATEMENT, ACME)

        assert found is not None
