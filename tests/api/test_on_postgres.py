"""The control plane on a real PostgreSQL: what it checks first, and that the ring closes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

import asyncpg
import grpc
import pytest
from foliot.executor.v1 import claimed_task_pb2, executor_service_pb2, outcome_pb2
from foliot.v1 import (
    event_pb2,
    event_service_pb2,
    instance_pb2,
    instance_service_pb2,
    task_pb2,
    task_service_pb2,
)

import migrations
from control_plane.access.keys import MintedKey, mint
from control_plane.adapters.postgres.credentials import PostgresCredentials
from control_plane.bootstrap import check, connected
from control_plane.settings import ControlPlaneSettings
from control_plane.startup import check_durability
from shared.errors import InvalidRequest, PreconditionFailed
from shared.postgres.session import ACROSS_ROLE, CONTROL_PLANE_ROLE, open_pool
from shared.settings import Settings
from tests.api.serving import PEPPER, TENANT, WITHIN_S, Client, info_in, with_key
from tests.api.stories import GREETING, LOAN, activate, as_json, start

PARENT: dict[str, Any] = {
    "id": "parent",
    "initial": "waiting",
    "states": {
        "waiting": {
            "invoke": {"id": "child", "src": "workflow.greeting", "onDone": "done"},
        },
        "done": {"type": "final"},
    },
}
BOOKING: dict[str, Any] = {
    "id": "booking",
    "onCancel": "compensate",
    "initial": "booking",
    "states": {
        "booking": {
            "invoke": {
                "id": "book",
                "src": "system.book",
                "forEach": ["flight", "hotel"],
                "input": {"what": {"@expr": "item"}},
                "join": "all",
                "compensation": {
                    "name": "unbook",
                    "src": "system.unbook",
                    "input": {"booking": {"@expr": "event.output"}},
                },
                "onDone": "booked",
            }
        },
        "booked": {"on": {"GO": "gone"}},
        "gone": {"type": "final"},
    },
}

OWN = ControlPlaneSettings(pepper=PEPPER, startup_wait_s=0)  # type: ignore[arg-type]  # pydantic makes it secret


def settings_for(database_url: str, mode: Literal["production", "dev"] = "dev") -> Settings:
    return Settings(
        database_url=database_url, listen="127.0.0.1:0", mode=mode, poll_s=0.05, drain_s=1
    )


class TestStarting:
    async def test_without_a_schema_says_to_migrate(self, migrated_url: str) -> None:
        """The error is the command to run."""
        await migrations.downgrade(migrated_url, migrations.NOTHING)

        with pytest.raises(PreconditionFailed, match="foliot migrate"):
            async with connected(settings_for(migrated_url), OWN):
                pass

    async def test_on_another_releases_schema_says_which(self, migrated_url: str) -> None:
        """A release on another's tables would fail late and badly."""
        owner = await asyncpg.connect(migrated_url)
        await owner.execute("UPDATE foliot.alembic_version SET version_num = 'other'")
        await owner.close()

        with pytest.raises(PreconditionFailed, match=f"'?other'?.*{migrations.HEAD}"):
            async with connected(settings_for(migrated_url), OWN):
                pass

    async def test_is_refused_where_commits_can_be_lost(self, migrated_url: str) -> None:
        """An answered request must survive a crash."""
        pool = await open_pool(
            migrated_url,
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
    async def test_closes_over_postgresql(self, migrated_url: str) -> None:
        """Start, claim, report, end: every hop that is this plane's, on the real adapters."""
        async with ring(migrated_url) as (client, executor):
            await activate(client, GREETING, "greeting")
            instance = await start(client, "greeting")
            verdicts = await succeed(executor, await claim(executor, 1))
            ended = await got(client, instance.instance_id)

        assert [outcome_pb2.OUTCOME_VERDICT_APPLIED] == verdicts
        assert instance_pb2.INSTANCE_STATUS_COMPLETED == ended.status

    async def test_lets_no_item_of_a_batch_spoil_it_with_what_postgresql_cannot_hold(
        self, migrated_url: str
    ) -> None:
        """A NUL in one business key is that item's error, and the others are taken in."""
        told = [
            event_service_pb2.IngestItem(
                action=event_service_pb2.INGEST_ACTION_CORRELATE,
                definition_key="greeting",
                business_key="a\0b",
                event=event_pb2.Event(event_id="e1", type="STOP"),
            ),
            event_service_pb2.IngestItem(
                action=event_service_pb2.INGEST_ACTION_START,
                definition_key="greeting",
                business_key="o-1",
                event=event_pb2.Event(event_id="e2", type="BEGIN"),
            ),
        ]
        async with ring(migrated_url) as (client, _):
            await activate(client, GREETING, "greeting")
            answer = await client.events.IngestEvents(
                event_service_pb2.IngestEventsRequest(items=told)
            )

        assert ["error", "accepted"] == [one.WhichOneof("result") for one in answer.results]

    async def test_closes_through_a_child(self, migrated_url: str) -> None:
        """The courier starts it, its task is done, and its parent hears of its end."""
        async with ring(migrated_url) as (client, executor):
            await activate(client, GREETING, "greeting")
            await activate(client, PARENT, "parent")
            parent = await start(client, "parent")
            (task,) = claimed = await claim(executor, 1)
            child = await got(client, task.instance_id)
            await succeed(executor, claimed)
            ended = await waited(client, parent.instance_id)

        assert instance_pb2.INSTANCE_STATUS_WAITING == parent.status
        assert parent.instance_id != child.instance_id
        assert ("greeting", '"done"') == (child.definition_key, ended.state.json)
        assert instance_pb2.INSTANCE_STATUS_COMPLETED == ended.status

    async def test_joins_what_was_fanned_out_and_undoes_it_when_cancelled(
        self, migrated_url: str
    ) -> None:
        """Two tasks at once, one outcome; then their compensations, and only then the end."""
        async with ring(migrated_url) as (client, executor):
            await activate(client, BOOKING, "booking")
            instance_id = (await start(client, "booking")).instance_id
            await succeed(executor, await claim(executor, 2))
            booked = await got(client, instance_id)
            cancelling = await client.instances.CancelInstance(
                instance_service_pb2.CancelInstanceRequest(
                    instance_id=instance_id, reason="changed my mind"
                )
            )
            undone = []
            for _ in range(2):
                claimed = await claim(executor, 1)
                undone += [one.function for one in claimed]
                await succeed(executor, claimed)
            ended = await waited(client, instance_id)

        assert '"booked"' == booked.state.json
        assert not cancelling.instance.HasField("complete_time")
        assert ["unbook", "unbook"] == undone
        assert instance_pb2.INSTANCE_STATUS_CANCELLED == ended.status


class TestPeople:
    async def test_race_for_a_task_and_find_what_is_theirs(self, migrated_url: str) -> None:
        """Decided on the row whose revision guards the write: of four one gets it, and it alone."""
        users = ("ada", "bo", "cy", "di")
        keys = [
            mint(
                tenant_id=TENANT,
                role="human_worker",
                pepper=PEPPER,
                user=user,
                groups=("underwriter",),
            )
            for user in users
        ]
        async with ring(migrated_url, *keys) as (client, _):
            await activate(client, LOAN, "loan")
            task_id = f"{(await start(client, 'loan')).instance_id}:1"
            async with AsyncExitStack() as stack:
                workers = [
                    await stack.enter_async_context(
                        grpc.aio.insecure_channel(client.address, interceptors=with_key(key.text))
                    )
                    for key in keys
                ]
                people = [Client(one, None) for one in workers]
                before = [await inbox_of(one) for one in people]
                request = task_service_pb2.ClaimTaskRequest(task_id=task_id)
                claims = [one.tasks.ClaimTask(request) for one in people]
                answers = await asyncio.gather(*claims, return_exceptions=True)
                won = [n for n, one in enumerate(answers) if not isinstance(one, Exception)]
                mine = await inbox_of(people[won[0]], f'assignee = "{users[won[0]]}"')
                await people[won[0]].tasks.CompleteTask(
                    task_service_pb2.CompleteTaskRequest(
                        task_id=task_id, output=as_json({"approved": True})
                    )
                )
                after = [await inbox_of(one) for one in people]

        assert [[task_id]] * 4 == before
        assert 1 == len(won)
        assert ["TASK_TAKEN"] * 3 == [
            info_in(one).reason for one in answers if isinstance(one, grpc.aio.AioRpcError)
        ]
        assert [task_id] == mine
        assert [[]] * 4 == after

    async def test_change_labels_that_are_found_at_once(self, migrated_url: str) -> None:
        """What was answered is there for the next list, and a repeat changes nothing."""
        async with ring(migrated_url) as (client, _):
            await activate(client)
            instance = await start(client, labels={"region": "eu", "team": "a"})
            await start(client, labels={"region": "eu"})
            request = instance_service_pb2.UpdateInstanceLabelsRequest(
                instance_id=instance.instance_id,
                merge={"region": "us"},
                remove=["team", "unknown"],
                expected_revision=instance.revision,
                request_id="r-1",
            )
            changed = (await client.instances.UpdateInstanceLabels(request)).instance
            again = (await client.instances.UpdateInstanceLabels(request)).instance
            listed = await client.instances.ListInstances(
                instance_service_pb2.ListInstancesRequest(filter='labels.region = "us"')
            )

        assert {"region": "us"} == dict(changed.labels)
        assert changed == again
        assert [instance.instance_id] == [one.instance_id for one in listed.instances]


async def inbox_of(person: Client, text: str = "") -> list[str]:
    answer = await person.tasks.ListTasks(task_service_pb2.ListTasksRequest(filter=text))
    return [task.task_id for task in answer.tasks]


@asynccontextmanager
async def ring(
    database_url: str, *more: MintedKey, own: ControlPlaneSettings = OWN
) -> AsyncIterator[tuple[Client, Client]]:
    """
    A control plane on the database, an administrator of a tenant, and an executor; and `more` keys.
    """
    pool = await open_pool(database_url, role=ACROSS_ROLE, max_size=1)
    admin = mint(tenant_id=TENANT, role="tenant_admin", pepper=PEPPER)
    worker = mint(tenant_id=None, role="executor", pepper=PEPPER)
    for key in (admin, worker, *more):
        await PostgresCredentials(pool).add(key.stored, "Tests")
    await pool.close()
    stop = asyncio.Event()
    async with connected(settings_for(database_url), own) as control_plane:
        running = asyncio.create_task(control_plane.run(stop))
        async with asyncio.timeout(WITHIN_S):
            address = await control_plane.address
        try:
            async with (
                grpc.aio.insecure_channel(address, interceptors=with_key(admin.text)) as callers,
                grpc.aio.insecure_channel(address, interceptors=with_key(worker.text)) as workers,
            ):
                yield Client(callers, admin.text, address), Client(workers, worker.text, address)
        finally:
            stop.set()
            await running


async def claim(executor: Client, count: int) -> list[claimed_task_pb2.ClaimedTask]:
    """So many tasks, as soon as they are there."""
    tasks: list[claimed_task_pb2.ClaimedTask] = []
    async with asyncio.timeout(WITHIN_S):
        while len(tasks) < count:
            claimed = await executor.executors.ClaimTasks(
                executor_service_pb2.ClaimTasksRequest(
                    executor_name="tests", task_types=[task_pb2.TASK_TYPE_SYSTEM]
                )
            )
            tasks += claimed.tasks
    assert count == len(tasks)
    return tasks


async def succeed(
    executor: Client, tasks: list[claimed_task_pb2.ClaimedTask]
) -> list[outcome_pb2.OutcomeVerdict.ValueType]:
    """Report that all went well: what the control plane made of each."""
    reported = await executor.executors.ReportOutcomes(
        executor_service_pb2.ReportOutcomesRequest(
            outcomes=[
                outcome_pb2.Outcome(
                    tenant_id=task.tenant_id,
                    task_id=task.task_id,
                    epoch=task.epoch,
                    succeeded=outcome_pb2.Outcome.Succeeded(output=as_json("as asked")),
                )
                for task in tasks
            ]
        )
    )
    return [one.verdict for one in reported.acks]


async def got(client: Client, instance_id: str) -> instance_pb2.Instance:
    answer = await client.instances.GetInstance(
        instance_service_pb2.GetInstanceRequest(instance_id=instance_id)
    )
    return answer.instance


async def waited(client: Client, instance_id: str) -> instance_pb2.Instance:
    """The instance once it has ended, or after a while."""
    answer = await client.instances.WaitInstance(
        instance_service_pb2.WaitInstanceRequest(instance_id=instance_id), timeout=WITHIN_S
    )
    return answer.instance
