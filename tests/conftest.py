"""What tests anywhere may ask for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from migrations import upgrade
from tests.servers import Servers, drop_database, new_database, running_servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """A real PostgreSQL and a real Valkey, one pair for the whole run."""
    with running_servers() as running:
        yield running


@pytest.fixture
async def database_url(servers: Servers) -> AsyncIterator[str]:
    """A fresh empty database of the test's own, dropped after it."""
    url = await new_database(servers)
    yield url
    await drop_database(servers, url)


@pytest.fixture(scope="session")
def template(servers: Servers) -> Iterator[str]:
    """A migrated database, to copy: migrating takes a second, a copy a fiftieth of it."""

    async def made() -> str:
        url = await new_database(servers)
        await upgrade(url)
        return url

    # In a thread, as the loop of the test that asks first is already running.
    with ThreadPoolExecutor(max_workers=1) as thread:
        url = thread.submit(lambda: asyncio.run(made())).result()
        yield url
        thread.submit(lambda: asyncio.run(drop_database(servers, url))).result()


@pytest.fixture
async def migrated_url(servers: Servers, template: str) -> AsyncIterator[str]:
    """A database of the test's own at the newest revision, with nobody in it."""
    url = await new_database(servers, template)
    yield url
    await drop_database(servers, url)
