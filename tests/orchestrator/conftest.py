"""A running orchestrator on the adapters of each kind."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.contract.conftest import migrated_template, postgres, world
from tests.contract.worlds import World
from tests.orchestrator.stage import Stage

__all__ = ["migrated_template", "postgres", "stage", "world"]


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    """An orchestrator at work, and what a test does with it."""
    stage = Stage(world)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.orchestrator.run(stop))
        yield stage
        stop.set()
