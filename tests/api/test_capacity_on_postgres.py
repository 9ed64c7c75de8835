"""Quotas, paused queues and the doctor on a real PostgreSQL, with several servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import pytest
from foliot.v1 import admin_service_pb2 as pb
from foliot.v1 import doctor_pb2, instance_service_pb2, quota_pb2

from control_plane.access.keys import mint
from control_plane.adapters.postgres.credentials import PostgresCredentials
from control_plane.bootstrap import connected
from control_plane.ports.quotas import QuotaKind
from shared.postgres.session import ACROSS_ROLE, open_pool
from tests.api.serving import PEPPER, TENANT, WITHIN_S, Client, info_in, with_key
from tests.api.stories import APPROVAL, GREETING, activate, as_json, start
from tests.api.test_on_postgres import OWN, settings_for
from tests.executor.eventually import eventually

START = instance_service_pb2.StartInstanceRequest(
    definition_key="approval", input=as_json({"amount": 1})
)


class System:
    """Two servers on one database: an administrator of a tenant at each, and an operator."""

    def __init__(self, here: Client, there: Client, platform: Client) -> None:
        self.here = here
        self.there = there
        self.platform = platform

    async def set(self, kind: "quota_pb2.QuotaKind.ValueType", limit: int) -> None:
        await self.platform.admin.SetQuota(
            pb.SetQuotaRequest(tenant_id=TENANT, kind=kind, limit=limit)
        )


@asynccontextmanager
async def system(database_url: str) -> AsyncIterator[System]:
    pool = await open_pool(database_url, role=ACROSS_ROLE, max_size=1)
    admin = mint(tenant_id=TENANT, role="tenant_admin", pepper=PEPPER)
    operator = mint(tenant_id=None, role="platform_admin", pepper=PEPPER)
    for key in (admin, operator):
        await PostgresCredentials(pool).add(key.stored, "Tests")
    await pool.close()
    stop = asyncio.Event()
    async with AsyncExitStack() as exits:
        planes = [
            await exits.enter_async_context(connected(settings_for(database_url), OWN))
            for _ in range(2)
        ]
        running = [asyncio.create_task(one.run(stop)) for one in planes]
        try:
            async with asyncio.timeout(WITHIN_S):
                at = [await one.address for one in planes]
            clients = [
                Client(
                    await exits.enter_async_context(
                        grpc.aio.insecure_channel(address, interceptors=with_key(key.text))
                    ),
                    key.text,
                )
                for address, key in ((at[0], admin), (at[1], admin), (at[0], operator))
            ]
            yield System(*clients)
        finally:
            stop.set()
            await asyncio.gather(*running)


async def started(client: Client, times: int) -> int:
    """How many of so many starts at once were let in."""
    answers = await asyncio.gather(
        *[client.instances.StartInstance(START) for _ in range(times)], return_exceptions=True
    )
    refused = [one for one in answers if isinstance(one, grpc.aio.AioRpcError)]
    assert {"QUOTA_EXCEEDED"} >= {info_in(one).reason for one in refused}
    return times - len(refused)


class TestAQuota:
    async def test_that_was_set_on_one_server_holds_on_another(self, migrated_url: str) -> None:
        """Within a poll; and what the one let in, the other counts."""
        async with system(migrated_url) as servers:
            await activate(servers.here)
            await servers.set(quota_pb2.QUOTA_KIND_OPEN_INSTANCES, 5)
            first = await started(servers.here, 20)

            # Until it has counted, and knows of the quota, a server lets starts in.
            let_in = 0
            async with asyncio.timeout(WITHIN_S):
                while await started(servers.there, 1):
                    let_in += 1
            told = await servers.there.admin.GetQuotas(pb.GetQuotasRequest())

            again = await started(servers.there, 3)

        used = {one.kind: one.used_count for one in told.quotas}
        assert (5, 0) == (first, again)
        assert 5 + let_in == used[quota_pb2.QUOTA_KIND_OPEN_INSTANCES]
        assert 1 == used[quota_pb2.QUOTA_KIND_DEFINITIONS]

    async def test_makes_room_for_what_ended_on_another_server(self, migrated_url: str) -> None:
        """It is counted before anything is refused."""
        async with system(migrated_url) as servers:
            await activate(servers.here)
            await servers.set(quota_pb2.QUOTA_KIND_OPEN_INSTANCES, 1)
            instance = await start(servers.here, "approval")
            await servers.there.instances.CancelInstance(
                instance_service_pb2.CancelInstanceRequest(
                    instance_id=instance.instance_id, reason="room"
                )
            )

            async def has_room() -> bool:
                return bool(await started(servers.here, 1))

            await eventually(has_room)

    async def test_of_tasks_and_definitions_is_kept_too(self, migrated_url: str) -> None:
        """Each by what is in the tables."""
        async with system(migrated_url) as servers:
            await activate(servers.here, GREETING, "greeting")
            await start(servers.here, "greeting")
            await servers.set(quota_pb2.QUOTA_KIND_OPEN_TASKS, 1)
            await servers.set(quota_pb2.QUOTA_KIND_DEFINITIONS, 1)

            reasons = []
            for call in (
                lambda: start(servers.here, "greeting"),
                lambda: activate(servers.here, APPROVAL, "approval"),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await call()
                reasons.append(info_in(refused.value).metadata["quota"])

        assert [QuotaKind.OPEN_TASKS, QuotaKind.DEFINITIONS] == reasons


class TestTheStatsAndThePauses:
    async def test_are_those_of_the_tables(self, migrated_url: str) -> None:
        """Of the platform, and of a tenant by its own scope."""
        async with system(migrated_url) as servers:
            await activate(servers.here, GREETING, "greeting")
            await start(servers.here, "greeting")
            await servers.platform.admin.PauseQueue(
                pb.PauseQueueRequest(queue="default", reason="to see")
            )
            told = [
                (await one.admin.GetQueueStats(pb.GetQueueStatsRequest())).stats
                for one in (servers.platform, servers.there)
            ]
            resumed = await servers.platform.admin.ResumeQueue(
                pb.ResumeQueueRequest(queue="default")
            )

        assert [[1], [1]] == [[one.ready.count for one in stats] for stats in told]
        assert ["to see", ""] == [stats[0].paused.reason for stats in told]
        assert resumed.resumed


class TestTheDoctor:
    async def test_looks_at_the_database_and_at_each_tenant(self, migrated_url: str) -> None:
        """Beside the system at work, by its own connections."""
        async with system(migrated_url) as servers:
            await activate(servers.here)
            await start(servers.here, "approval")
            checks = [one async for one in servers.platform.admin.RunDoctor(pb.RunDoctorRequest())]

        assert ["partitions", "executors", "tenant acme"] == [one.name for one in checks]
        assert {doctor_pb2.DOCTOR_VERDICT_GOOD} == {one.verdict for one in checks}
        assert 1 == checks[-1].instance_count
