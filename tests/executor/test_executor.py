"""A whole executor on a real database and a real Redis, with a listening control plane."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from executor.bootstrap import executor_plane
from executor.functions import Functions, TaskContext
from executor.plane import ExecutorPlane, Farewell
from foliot.executor.v1 import outcome_pb2

from shared.doorbell import Doorbell, task_runner
from shared.json import Json, load
from shared.settings import Settings
from shared.tasks import TaskType
from tests.executor.eventually import eventually
from tests.executor.listening import ListeningControlPlane, listening
from tests.executor.work import ask, make_ready
from tests.servers import Servers


@pytest.fixture
async def control_plane(tmp_path: Path) -> AsyncIterator[ListeningControlPlane]:
    """A control plane that acknowledges everything."""
    async with listening(ListeningControlPlane(), tmp_path) as serving:
        yield serving


@asynccontextmanager
async def working(
    plane: ExecutorPlane,
) -> AsyncIterator[Callable[[], asyncio.Future[Farewell | None]]]:
    """Run an executor; what is given ends it."""
    stop = asyncio.Event()
    running = asyncio.ensure_future(plane.run(stop))

    def end() -> asyncio.Future[Farewell | None]:
        stop.set()
        return running

    try:
        yield end
    finally:
        stop.set()
        await running


class TestAnExecutor:
    async def test_carries_out_a_system_task_that_is_ready(
        self, migrated: str, control_plane: ListeningControlPlane, servers: Servers
    ) -> None:
        """The whole way: a row in the database becomes an outcome on the stream."""
        settings = Settings(
            database_url=migrated,
            redis_url=servers.redis_url,
            control_plane=control_plane.address,
        )
        instance_id = await make_ready(migrated, function="greet", input={"name": "Ada"})
        async with executor_plane(settings) as plane, working(plane):
            await eventually(lambda: control_plane.outcomes)

        [outcome] = control_plane.outcomes
        assert (f"{instance_id}:1", 1) == (outcome.task_id, outcome.epoch)
        assert {"greeting": "Hello, Ada!"} == load(outcome.succeeded.output.json)
