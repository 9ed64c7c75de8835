"""Databases to migrate."""

from collections.abc import AsyncIterator

import pytest

from tests.servers import Servers, drop_database, new_database


@pytest.fixture
async def another_database_url(servers: Servers) -> AsyncIterator[str]:
    """A second fresh empty database of the same server."""
    url = await new_database(servers)
    yield url
    await drop_database(servers, url)
