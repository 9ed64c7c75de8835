"""A control plane that serves from memory, and its callers."""

from collections.abc import AsyncIterator

import pytest

from control_plane.adapters.memory.database import MemoryDatabase
from tests.api.serving import OTHER_TENANT, Client, Serving, client_of, serving_from


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """A control plane that serves from an empty memory."""
    async with serving_from(MemoryDatabase()) as started:
        yield started


@pytest.fixture
async def client(serving: Serving) -> AsyncIterator[Client]:
    """An administrator of the tenant."""
    async with client_of(serving, await serving.key()) as made:
        yield made


@pytest.fixture
async def stranger(serving: Serving) -> AsyncIterator[Client]:
    """An administrator of another tenant."""
    async with client_of(serving, await serving.key(tenant_id=OTHER_TENANT)) as made:
        yield made


@pytest.fixture
async def executor(serving: Serving) -> AsyncIterator[Client]:
    """An executor of the platform."""
    async with client_of(serving, await serving.key("executor", None)) as made:
        yield made
