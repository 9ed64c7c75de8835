"""A world of every kind, and what only one of them can show."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from tests.contract.worlds import ACME, OTHER, MemoryWorld, PostgresWorld, World, postgres_world
from tests.servers import Servers, drop_database, new_database


@pytest.fixture(scope="session")
def migrated_template(servers: Servers, template: str) -> Iterator[str]:
    """A migrated database with the suites' tenants, to copy."""

    async def prepare() -> str:
        url = await new_database(servers, template)
        connection = await asyncpg.connect(url)
        await connection.executemany(
            "INSERT INTO foliot.tenant (tenant_id, display_name) VALUES ($1, $1)",
            [(ACME,), (OTHER,)],
        )
        await connection.close()
        return url

    # In a thread, as the loop of the test that asks first is already running.
    with ThreadPoolExecutor(max_workers=1) as thread:
        url = thread.submit(lambda: asyncio.run(prepare())).result()
        yield url
        thread.submit(lambda: asyncio.run(drop_database(servers, url))).result()


@pytest.fixture(params=["memory", "postgres"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """All adapters of a kind on one fresh database."""
    if request.param == "memory":
        yield MemoryWorld()
        return
    servers = request.getfixturevalue("servers")
    async with postgres_world(servers, request.getfixturevalue("migrated_template")) as postgres:
        yield postgres


@pytest.fixture
async def postgres(servers: Servers, migrated_template: str) -> AsyncIterator[PostgresWorld]:
    """The PostgreSQL world alone, for what memory has no part in: locks, plans, rows as stored."""
    async with postgres_world(servers, migrated_template) as world:
        yield world
