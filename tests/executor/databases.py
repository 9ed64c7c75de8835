"""Fixtures: databases with the schema in them, copied from one that was migrated once."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

import migrations
from tests.servers import Servers, drop_database, new_database


@pytest.fixture(scope="session")
def template(servers: Servers) -> Iterator[str]:
    """A migrated database to copy."""

    async def made() -> str:
        url = await new_database(servers)
        await migrations.upgrade(url)
        return url

    url = asyncio.run(made())
    yield url
    asyncio.run(drop_database(servers, url))


@pytest.fixture
async def migrated(servers: Servers, template: str) -> AsyncIterator[str]:
    """A database of the test's own, with the schema in it."""
    url = await new_database(servers, template)
    yield url
    await drop_database(servers, url)
