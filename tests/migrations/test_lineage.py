"""Data that goes on on another server: sessions from before hold nothing there."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from control_plane.adapters.postgres.claims import PostgresClaims
from control_plane.ports.claims import SessionExpired
from control_plane.startup import recognize
from shared.errors import Unavailable
from shared.ids import SessionId, new_uuid7
from shared.postgres.lineage import Lineage
from shared.postgres.session import ACROSS_ROLE, CONTROL_PLANE_ROLE, close_pool, open_pool
from tests.servers import Servers, drop_database, new_database

TTL = timedelta(seconds=30)


@pytest.fixture
async def pool(migrated_url: str) -> AsyncIterator[asyncpg.Pool]:
    """As a control plane has it."""
    pool = await open_pool(migrated_url, role=CONTROL_PLANE_ROLE, max_size=1)
    yield pool
    await close_pool(pool)


@pytest.fixture
async def claims(migrated_url: str) -> AsyncIterator[PostgresClaims]:
    across = await open_pool(migrated_url, role=ACROSS_ROLE, max_size=1)
    yield PostgresClaims(across)
    await close_pool(across)


async def brought_here(database_url: str) -> None:
    """As if the rows had been written by another server."""
    owner = await asyncpg.connect(database_url)
    await owner.execute("UPDATE foliot.lineage SET server = '1/00000001/1'")
    await owner.close()


async def sessions(database_url: str) -> int:
    owner = await asyncpg.connect(database_url)
    count: int = await owner.fetchval("SELECT count(*) FROM foliot.executor_session")
    await owner.close()
    return count


class TestADatabaseOnAnotherServer:
    async def test_has_no_sessions_from_before(
        self, migrated_url: str, pool: asyncpg.Pool, claims: PostgresClaims
    ) -> None:
        """What they hold by their own memory may never have been given to them here."""
        await recognize(pool)
        before = SessionId(new_uuid7())
        await claims.extend(before, "w", None, TTL)
        await brought_here(migrated_url)

        await recognize(pool)

        assert 0 == await sessions(migrated_url)
        with pytest.raises(SessionExpired, match="before the database was restored"):
            await claims.extend(before, "w", None, TTL)

    async def test_has_those_that_begin_there(
        self, migrated_url: str, pool: asyncpg.Pool, claims: PostgresClaims
    ) -> None:
        """An executor that was started again works at once."""
        await recognize(pool)
        await brought_here(migrated_url)
        await recognize(pool)

        await claims.extend(SessionId(new_uuid7()), "w", None, TTL)

        assert 1 == await sessions(migrated_url)

    async def test_is_recognized_once(
        self, migrated_url: str, pool: asyncpg.Pool, claims: PostgresClaims
    ) -> None:
        """Every control plane looks when it starts; sessions outlive that."""
        await recognize(pool)
        await brought_here(migrated_url)
        await recognize(pool)
        since = SessionId(new_uuid7())
        await claims.extend(since, "w", None, TTL)

        await recognize(pool)

        assert 1 == await sessions(migrated_url)


class TestAProcess:
    async def test_connects_to_no_other_server_than_at_first(
        self, servers: Servers, migrated_url: str, template: str
    ) -> None:
        """What it remembers may be of a past that the other does not have."""
        called: list[str] = []
        lineage = Lineage(lambda: called.append("replaced"))
        copy = await new_database(servers, template)
        for url in (migrated_url, migrated_url):
            pool = await open_pool(url, role=CONTROL_PLANE_ROLE, max_size=1, lineage=lineage)
            await close_pool(pool)
        before = list(called)

        for url in (copy, migrated_url):
            with pytest.raises(Unavailable, match="Start this process again"):
                await open_pool(url, role=CONTROL_PLANE_ROLE, max_size=1, lineage=lineage)
        await drop_database(servers, copy)

        assert [] == before
        assert ["replaced"] == called
        assert lineage.is_replaced
