"""
Limits with both planes on a real PostgreSQL and a real broker. The executor's polls are a minute
apart: what begins within a test begins because somebody rang when there was room.
"""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import asyncpg
import pytest
from foliot.v1 import admin_service_pb2, admin_service_pb2_grpc, instance_pb2, task_limit_pb2

from control_plane.access.keys import mint
from control_plane.bootstrap import let_in
from control_plane.cli.connection import connection
from shared.doorbell import Doorbell
from shared.ids import TenantId
from shared.postgres.namespace import read_namespace
from shared.settings import Settings
from tests.executor.eventually import eventually
from tests.integration.test_worker import (
    NEVER_POLLS_S,
    PEPPER,
    System,
    _secret,
    serving,
    working,
)
from tests.servers import Servers

LOOKS_EVERY_S = 0.2
"""How often the control plane learns which tenants have limits."""

WITHIN_S = 20.0

ITEMS = 8
FAN: dict[str, Any] = {
    "id": "fan",
    "initial": "working",
    "context": {"items": list(range(ITEMS))},
    "states": {
        "working": {
            "invoke": {
                "id": "work",
                "src": "system.fail",
                "forEach": {"@expr": "context.items"},
                "input": {"times": 0},
                "limitKey": {"@expr": "item < 4 ? 'even' : 'other'"},
                "onDone": "done",
            }
        },
        "done": {"type": "final"},
    },
}


class Limited(System):
    """A running foliot whose limits can be set, and that is watched for what runs at once."""

    def __init__(self, channel: Any, key: str, owner: asyncpg.Connection, bell: Doorbell) -> None:
        super().__init__(channel, key, owner, bell)
        self._admin = admin_service_pb2_grpc.AdminServiceStub(channel)

    async def limit(self, **values: Any) -> None:
        await self._admin.SetTaskLimit(
            admin_service_pb2.SetTaskLimitRequest(**values), metadata=self._metadata
        )

    async def until_completed(self, instance_id: str) -> None:
        async def is_over() -> bool:
            status = (await self.instance(instance_id)).status
            return status == instance_pb2.INSTANCE_STATUS_COMPLETED

        await eventually(is_over)

    async def attempts(self) -> list[tuple[str, Any, Any]]:
        """Of every task: its limit key, when it began and when it had ended."""
        rows = await self._owner.fetch(
            "SELECT limit_key, held_since, completed_at FROM foliot.task ORDER BY held_since"
        )
        return [tuple(row) for row in rows]


@pytest.fixture
async def system(servers: Servers, migrated_url: str) -> AsyncIterator[Limited]:
    """Both planes in this process, on a database of the test's own."""
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
        poll_s=LOOKS_EVERY_S,
    )
    async with serving(settings) as address, connection(address) as channel:
        of_executor = settings.model_copy(
            update={
                "control_plane": address,
                "api_key": _secret(executor_key.text),
                "poll_s": NEVER_POLLS_S,
            }
        )
        async with working(of_executor):
            yield Limited(channel, key.text, owner, bell)
    await bell.close()
    await owner.close()


class TestALimit:
    async def test_lets_the_next_begin_when_one_has_ended(self, system: Limited) -> None:
        """One at a time, each after the other, and nobody waits for a poll in between."""
        await system.limit(max_running=1)

        async with asyncio.timeout(WITHIN_S):
            await system.until_completed(await system.start(FAN))

        attempts = await system.attempts()
        assert ITEMS == len(attempts)
        assert all(ended <= began for (_, _, ended), (_, began, _) in pairwise(attempts))

    async def test_on_a_key_leaves_the_others_alone(self, system: Limited) -> None:
        """Those of the other key are over while the first key's still queue up."""
        await system.limit(limit_key="even", max_running=1)

        async with asyncio.timeout(WITHIN_S):
            await system.until_completed(await system.start(FAN))

        held = [one for one in await system.attempts() if one[0] == "even"]
        assert 4 == len(held)
        assert all(ended <= began for (_, _, ended), (_, began, _) in pairwise(held))

    async def test_on_a_rate_lets_them_begin_as_the_tokens_come(self, system: Limited) -> None:
        """Two at once and then five a second: the last one begins 1.2 seconds after the first."""
        await system.limit(rate=task_limit_pb2.TaskRate(tasks_per_second=5, burst=2))

        async with asyncio.timeout(WITHIN_S):
            await system.until_completed(await system.start(FAN))

        began = [one[1] for one in await system.attempts()]
        assert (began[-1] - began[0]).total_seconds() >= (ITEMS - 2) / 5 - 0.001
