"""An orchestrator on a real PostgreSQL, and a database to break."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.contract.conftest import migrated_template, postgres
from tests.contract.worlds import PostgresWorld
from tests.orchestrator.stage import Stage

__all__ = ["migrated_template", "postgres", "stage"]


@pytest.fixture
async def stage(postgres: PostgresWorld) -> AsyncIterator[Stage]:
    """An orchestrator at work, and what a test does with it."""
    stage = Stage(postgres)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.orchestrator.run(stop))
        yield stage
        stop.set()
