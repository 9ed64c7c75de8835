"""The control plane on a real PostgreSQL: what it checks first, and that the ring closes."""

import asyncio
from typing import Literal

import asyncpg
import grpc
import pytest
from foliot.executor.v1 import executor_service_pb2, outcome_pb2
from foliot.v1 import instance_pb2, instance_service_pb2, task_pb2

import migrations
from control_plane.access.keys import mint
from control_plane.adapters.postgres.credentials import PostgresCredentials
from control_plane.bootstrap import check, connected
from control_plane.settings import ControlPlaneSettings
from control_plane.startup import check_durability
from shared.errors import InvalidRequest, PreconditionFailed
from shared.postgres.session import CONTROL_PLANE_ROLE, open_pool
from shared.settings import Settings
from tests.api.serving import PEPPER, TENANT, WITHIN_S, Client, with_key
from tests.api.stories import GREETING, activate, start

OWN = ControlPlaneSettings(pepper=PEPPER, startup_wait_s=0)  # type: ignore[arg-type]  # pydantic makes it secret


def settings_for(database_url: str, mode: Literal["production", "dev"] = "dev") -> Settings:
    return Settings(
        database_url=database_url, listen="127.0.0.1:0", mode=mode, poll_s=0.05, drain_s=1
    )


class TestStarting:
    async def test_without_a_schema_says_to_migrate(self, database_url: str) -> None:
        """The error is the command to run."""
        await migrations.upgrade(database_url)
        await migrations.downgrade(database_url, migrations.NOTHING)

        with pytest.raises(PreconditionFailed, match="foliot migrate"):
            async with connected(settings_for(database_url), OWN):
                pass

    async def test_on_another_releases_schema_says_which(self, database_url: str) -> None:
        """A release on another's tables would fail late and badly."""
        await migrations.upgrade(database_url)
        owner = await asyncpg.connect(database_url)
        await owner.execute("UPDATE foliot.alembic_version SET version_num = 'other'")
        await owner.close()

        with pytest.raises(PreconditionFailed, match=f"'?other'?.*{migrations.HEAD}"):
            async with connected(settings_for(database_url), OWN):
                pass

    async def test_is_refused_where_commits_can_be_lost(self, database_url: str) -> None:
        """An answered request must survive a crash."""
        await migrations.upgrade(database_url)
        pool = await open_pool(
            database_url,
            role=CONTROL_PLANE_ROLE,
            max_size=1,
            settings={"synchronous_commit": "off"},
        )

        with pytest.raises(PreconditionFailed, match="synchronous_commit"):
            await check_durability(pool)
        await pool.close()

    def test_in_production_takes_a_pepper(self) -> None:
        """Without one, whoever can write to the database can make a key."""
        with pytest.raises(InvalidRequest, match="FOLIOT_PEPPER"):
            check(settings_for("postgresql://x", "production"), ControlPlaneSettings())


class TestTheRing:
    async def test_closes_over_postgresql(self, database_url: str) -> None:
        """Start, claim, report, end: every hop that is this plane's, on the real adapters."""
        await migrations.upgrade(database_url)
        pool = await open_pool(database_url, role=CONTROL_PLANE_ROLE, max_size=1)
        admin = mint(tenant_id=TENANT, role="tenant_admin", pepper=PEPPER)
        worker = mint(tenant_id=None, role="executor", pepper=PEPPER)
        for key in (admin, worker):
            await PostgresCredentials(pool).add(key.stored, "Tests")
        stop = asyncio.Event()
        async with connected(settings_for(database_url), OWN) as control_plane:
            running = asyncio.create_task(control_plane.run(stop))
            async with asyncio.timeout(WITHIN_S):
                address = await control_plane.address
            async with (
                grpc.aio.insecure_channel(address, interceptors=with_key(admin.text)) as callers,
                grpc.aio.insecure_channel(address, interceptors=with_key(worker.text)) as workers,
            ):
                client, executor = Client(callers, admin.text), Client(workers, worker.text)
                await activate(client, GREETING, "greeting")
                instance = await start(client, "greeting")
                claimed = await executor.executors.ClaimTasks(
                    executor_service_pb2.ClaimTasksRequest(
                        executor_name="tests", task_types=[task_pb2.TASK_TYPE_SYSTEM]
                    )
                )
                (task,) = claimed.tasks
                reported = await executor.executors.ReportOutcomes(
                    executor_service_pb2.ReportOutcomesRequest(
                        outcomes=[
                            outcome_pb2.Outcome(
                                tenant_id=task.tenant_id,
                                task_id=task.task_id,
                                epoch=task.epoch,
                                succeeded=outcome_pb2.Outcome.Succeeded(),
                            )
                        ]
                    )
                )
                ended = await client.instances.GetInstance(
                    instance_service_pb2.GetInstanceRequest(instance_id=instance.instance_id)
                )
            stop.set()
            await running
        await pool.close()

        assert [outcome_pb2.OUTCOME_VERDICT_APPLIED] == [one.verdict for one in reported.acks]
        assert instance_pb2.INSTANCE_STATUS_COMPLETED == ended.instance.status
