"""What tests anywhere may ask for."""

from collections.abc import AsyncIterator, Iterator

import pytest

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
