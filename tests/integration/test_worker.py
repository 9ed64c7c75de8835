"""
Both planes, a real PostgreSQL, a real taskiq broker, and time that is moved by hand.

Nobody sleeps for a retry: the database's clock is moved to its instant, the bell for
timers is rung, and the work is done. What is early is shown to be early.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from foliot.v1 import (
    definition_service_pb2,
    definition_service_pb2_grpc,
    event_service_pb2,
    event_service_pb2_grpc,
    history_entry_pb2,
    instance_pb2,
    instance_service_pb2,
    instance_service_pb2_grpc,
    json_pb2,
)

from control_plane.access.keys import mint
from control_plane.bootstrap import connected, let_in
from control_plane.cli.connection import connection, credential
from control_plane.settings import ControlPlaneSettings
from executor.bootstrap import executor_plane
from shared import doorbell
from shared.doorbell import Doorbell
from shared.ids import TenantId
from shared.postgres.namespace import read_namespace
from shared.settings import Settings
from tests.executor.eventually import eventually
from tests.servers import Servers

PEPPER = "pepper"
NEVER_POLLS_S = 60.0
"""So that what happens within a test happens because a bell rang."""

FAILS_TWICE: dict[str, Any] = {
    "id": "order",
    "initial": "working",
    "states": {
        "working": {
            "invoke": {
                "id": "work",
                "src": "system.fail",
                "input": {"times": 2},
                "retry": {
                    "maxAttempts": 3,
                    "initial": "PT10M",
                    "factor": 2,
                    "cap": "PT1H",
                    "jitter": 0,
                },
                "onDone": "done",
                "onError": "failed",
            }
        },
        "done": {"type": "final"},
        "failed": {"type": "final"},
    },
}

CANNOT = {**FAILS_TWICE, "id": "hopeless"}


class System:
    """A running foliot, and what a test does with it."""

    def __init__(self, channel: Any, key: str, owner: asyncpg.Connection, bell: Doorbell) -> None:
        self._definitions = definition_service_pb2_grpc.DefinitionServiceStub(channel)
        self._instances = instance_service_pb2_grpc.InstanceServiceStub(channel)
        self._events = event_service_pb2_grpc.EventServiceStub(channel)
        self._metadata = credential(key)
        self._owner = owner
        self._bell = bell

    async def start(self, spec: dict[str, Any]) -> str:
        created = await self._definitions.CreateDefinition(
            definition_service_pb2.CreateDefinitionRequest(
                key=spec["id"], spec=json_pb2.Json(json=json.dumps(spec))
            ),
            metadata=self._metadata,
        )
        await self._definitions.ActivateDefinition(
            definition_service_pb2.ActivateDefinitionRequest(
                definition_id=created.definition.definition_id
            ),
            metadata=self._metadata,
        )
        started = await self._instances.StartInstance(
            instance_service_pb2.StartInstanceRequest(definition_key=spec["id"]),
            metadata=self._metadata,
        )
        return started.instance.instance_id

    async def entries(self, instance_id: str, kind: str) -> list[dict[str, Any]]:
        listed = await self._events.ListHistory(
            event_service_pb2.ListHistoryRequest(instance_id=instance_id, page_size=200),
            metadata=self._metadata,
        )
        wanted = history_entry_pb2.HistoryEntryType.Value(f"HISTORY_ENTRY_TYPE_{kind}")
        return [json.loads(e.payload.json) for e in listed.entries if e.type == wanted]

    async def instance(self, instance_id: str) -> instance_pb2.Instance:
        answer = await self._instances.GetInstance(
            instance_service_pb2.GetInstanceRequest(instance_id=instance_id),
            metadata=self._metadata,
        )
        return answer.instance

    async def until_retries(self, instance_id: str, count: int) -> datetime:
        """Wait until so many retries are scheduled; the instant of the last."""

        async def has_them() -> bool:
            return len(await self.entries(instance_id, "TASK_RETRY_SCHEDULED")) == count

        await eventually(has_them)
        retries = await self.entries(instance_id, "TASK_RETRY_SCHEDULED")
        return datetime.fromisoformat(retries[-1]["run_at"])

    async def now(self) -> datetime:
        now: datetime = await self._owner.fetchval("SELECT foliot.now()")
        return now

    async def move_clock(self, by: timedelta) -> None:
        """Let time pass, and ring for what has fallen due."""
        await self._owner.execute("UPDATE foliot.clock SET moved_by = moved_by + $1::interval", by)
        await self._bell.ring(doorbell.TIMERS, [])


@pytest.fixture
async def system(servers: Servers, migrated_url: str) -> AsyncIterator[System]:
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
        poll_s=NEVER_POLLS_S,
        # Longer than all the time that a test lets pass.
        lease_s=3_600,
    )
    async with serving(settings) as address, connection(address) as channel:
        with_address = settings.model_copy(
            update={"control_plane": address, "api_key": _secret(executor_key.text)}
        )
        async with working(with_address):
            yield System(channel, key.text, owner, bell)
    await bell.close()
    await owner.close()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    stop = asyncio.Event()
    own = ControlPlaneSettings(pepper=_secret(PEPPER))
    async with connected(settings, own) as control_plane:
        running = asyncio.create_task(control_plane.run(stop))
        yield await control_plane.address
        stop.set()
        await running


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with executor_plane(settings) as plane:
        running = asyncio.create_task(plane.run(stop))
        yield
        stop.set()
        await running


def _secret(text: str) -> Any:
    from pydantic import SecretStr

    return SecretStr(text)


class TestAFailingTask:
    async def test_is_tried_again_after_ten_minutes_and_then_after_twenty(
        self, system: System
    ) -> None:
        """The policy's back-off, to the instant, and not before; three attempts, one end."""
        instance_id = await system.start(FAILS_TWICE)
        first = await system.until_retries(instance_id, 1)
        waited = first - await system.now()
        await system.move_clock(timedelta(minutes=9))
        early = len(await system.entries(instance_id, "TASK_STARTED"))
        await system.move_clock(timedelta(minutes=1, seconds=1))
        second = await system.until_retries(instance_id, 2)
        again = second - await system.now()
        await system.move_clock(timedelta(minutes=20, seconds=1))

        async def is_done() -> bool:
            status = (await system.instance(instance_id)).status
            return status == instance_pb2.INSTANCE_STATUS_COMPLETED

        await eventually(is_done)
        assert 1 == early
        assert timedelta(minutes=9, seconds=30) < waited <= timedelta(minutes=10)
        assert timedelta(minutes=19, seconds=30) < again <= timedelta(minutes=20)
        started = await system.entries(instance_id, "TASK_STARTED")
        assert [1, 2, 3] == [entry["attempt"] for entry in started]
        assert '"done"' == (await system.instance(instance_id)).state.json
        assert 1 == len(await system.entries(instance_id, "TASK_COMPLETED"))

    async def test_that_never_works_ends_where_the_definition_says(self, system: System) -> None:
        """Attempts never exceed the policy's, and the last error is in the history."""
        spec = json.loads(json.dumps(CANNOT).replace('"times": 2', '"times": 9'))
        instance_id = await system.start(spec)
        for attempt in (1, 2):
            await system.until_retries(instance_id, attempt)
            await system.move_clock(timedelta(minutes=21))

        async def is_over() -> bool:
            status = (await system.instance(instance_id)).status
            return status == instance_pb2.INSTANCE_STATUS_COMPLETED

        await eventually(is_over)
        assert '"failed"' == (await system.instance(instance_id)).state.json
        [failed] = await system.entries(instance_id, "TASK_FAILED")
        assert "demo.failed" == failed["error"]["kind"]


class TestATask:
    async def test_is_begun_without_a_poll(self, system: System) -> None:
        """Polls are a minute apart here, and the whole test takes a second."""
        spec = json.loads(json.dumps(FAILS_TWICE).replace('"times": 2', '"times": 0'))

        async with asyncio.timeout(10):
            instance_id = await system.start(spec)

            async def is_done() -> bool:
                status = (await system.instance(instance_id)).status
                return status == instance_pb2.INSTANCE_STATUS_COMPLETED

            await eventually(is_done)
