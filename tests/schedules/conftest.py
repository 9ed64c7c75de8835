"""Schedules at work on the adapters of each kind."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.contract.conftest import migrated_template, postgres, world
from tests.contract.worlds import PostgresWorld, World
from tests.schedules.calendar import Calendar

__all__ = ["calendar", "crashing", "migrated_template", "postgres", "world"]


@pytest.fixture
async def calendar(world: World) -> AsyncIterator[Calendar]:
    """A control plane's schedules, and what a test does with them."""
    async for made in _calendar(world):
        yield made


@pytest.fixture
async def crashing(postgres: PostgresWorld) -> AsyncIterator[Calendar]:
    """The same on PostgreSQL alone, where there are failpoints."""
    async for made in _calendar(postgres):
        yield made


async def _calendar(world: World) -> AsyncIterator[Calendar]:
    made = Calendar(world)
    await made.define()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for orchestrator in made.orchestrators:
            group.create_task(orchestrator.run(stop))
        yield made
        stop.set()
