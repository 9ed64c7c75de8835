"""
Tasks that are lost between the commit that hands them out and the executor: both planes, a real
PostgreSQL, and a stream that breaks at that very moment.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from foliot.v1 import instance_pb2

from control_plane.access.keys import mint
from control_plane.bootstrap import let_in
from control_plane.cli.connection import connection
from executor.bootstrap import executor_plane
from executor.functions import Functions, TaskContext
from shared.doorbell import Doorbell
from shared.failpoints import armed
from shared.ids import TenantId
from shared.json import Json
from shared.postgres.namespace import read_namespace
from shared.settings import Settings
from tests.executor.eventually import eventually
from tests.integration.test_worker import PEPPER, System, _secret, serving
from tests.servers import Servers

LEASE_S = 3.0


def calling(function: str) -> dict[str, Any]:
    """One task, and the end."""
    return {
        "id": function,
        "initial": "busy",
        "states": {
            "busy": {"invoke": {"id": "call", "src": f"system.{function}", "onDone": "done"}},
            "done": {"type": "final"},
        },
    }


class Work:
    """Functions: one that waits until the test lets it end, and one that ends at once."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.begun: list[str] = []
        self.functions = Functions({"wait": self._wait, "pass": self._pass})

    async def _wait(self, _: Json, context: TaskContext) -> Json:
        self.begun.append(context.name)
        await self.may_end.wait()
        return None

    async def _pass(self, _: Json, __: TaskContext) -> Json:
        return None


@pytest.fixture
async def work() -> Work:
    """Nothing has begun."""
    return Work()


@pytest.fixture
async def system(servers: Servers, migrated_url: str, work: Work) -> AsyncIterator[System]:
    """Both planes in this process; sessions are short, and extended every second."""
    key = mint(tenant_id=TenantId("acme"), role="tenant_admin", pepper=PEPPER)
    executor_key = mint(tenant_id=None, role="executor", pepper=PEPPER)
    await let_in(migrated_url, [key.stored, executor_key.stored], "Acme")
    owner = await asyncpg.connect(migrated_url)
    bell = Doorbell(servers.redis_url, await read_namespace(owner))
    settings = Settings(
        mode="dev",
        database_url=migrated_url,
        redis_url=servers.redis_url,
        listen="127.0.0.1:0",
        poll_s=0.2,
        lease_s=LEASE_S,
    )
    async with serving(settings) as address, connection(address) as channel:
        with_address = settings.model_copy(
            update={"control_plane": address, "api_key": _secret(executor_key.text)}
        )
        async with working(with_address, work.functions):
            yield System(channel, key.text, owner, bell)
            work.may_end.set()
    await bell.close()
    await owner.close()


@asynccontextmanager
async def working(settings: Settings, functions: Functions) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with executor_plane(settings, functions) as plane:
        running = asyncio.create_task(plane.run(stop))
        yield
        stop.set()
        await running


async def until_completed(system: System, instance_id: str) -> None:
    async def is_completed() -> bool:
        status = (await system.instance(instance_id)).status
        return status == instance_pb2.INSTANCE_STATUS_COMPLETED

    await eventually(is_completed)


class TestATaskThatIsLostOnItsWay:
    @pytest.mark.parametrize("point", ["stream.send.before", "executor.receive.after"])
    async def test_comes_back_while_its_executors_other_attempts_go_on(
        self, system: System, work: Work, point: str
    ) -> None:
        """The session that holds it lives on for them, and lets go of what it never heard of."""
        long = await system.start(calling("wait"))
        await eventually(lambda: work.begun)
        with armed(f"{point}=error,once"):
            short = await system.start(calling("pass"))
            await until_completed(system, short)
        still_running = (await system.instance(long)).status
        work.may_end.set()
        await until_completed(system, long)

        assert instance_pb2.INSTANCE_STATUS_RUNNING == still_running
        [of_long] = await system.entries(long, "TASK_STARTED")
        [of_short] = await system.entries(short, "TASK_STARTED")
        assert (1, 1) == (of_long["attempt"], of_long["epoch"])
        # Nobody had begun it: the attempt does not count, and the hand-out does.
        assert (1, 2) == (of_short["attempt"], of_short["epoch"])
