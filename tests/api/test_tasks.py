"""TaskService, over the wire."""

from typing import Any

import grpc
import pytest
from foliot.v1 import failure_pb2, instance_service_pb2, task_pb2
from foliot.v1 import task_service_pb2 as pb
from foliot.v1.json_pb2 import Json

from tests.api.serving import Client, info_in
from tests.api.stories import GREETING, activate, as_json, send, start, waiting_task

TWO_TIMERS: dict[str, Any] = {
    "id": "timers",
    "type": "parallel",
    "states": {
        name: {
            "initial": "waiting",
            "states": {
                "waiting": {
                    "invoke": {
                        "id": name,
                        "src": "timer",
                        "input": {"delay": delay},
                        "onDone": "over",
                    }
                },
                "over": {"type": "final"},
            },
        }
        for name, delay in (("late", "PT2H"), ("soon", "PT1H"))
    },
}


@pytest.fixture
async def task(client: Client) -> task_pb2.Task:
    """A person's task that waits."""
    await activate(client)
    instance = await start(client)
    await send(client, instance.instance_id, "SUBMIT")
    return await waiting_task(client, instance.instance_id)


class TestAPersonsTask:
    async def test_can_be_completed_and_the_instance_reacts(
        self, client: Client, task: task_pb2.Task
    ) -> None:
        """The end of the task and what follows from it are one commit."""
        answer = await client.tasks.CompleteTask(
            pb.CompleteTaskRequest(task_id=task.task_id, output=as_json({"ok": True}))
        )
        instance = await client.instances.GetInstance(
            instance_service_pb2.GetInstanceRequest(instance_id=task.instance_id)
        )

        assert task_pb2.TASK_STATUS_SUCCEEDED == answer.task.status
        assert '{"ok":true}' == answer.task.output.json
        assert '"paid"' == instance.instance.state.json

    async def test_can_fail_with_a_kind(self, client: Client, task: task_pb2.Task) -> None:
        """The definition's onError takes over, and the task keeps the why."""
        answer = await client.tasks.FailTask(
            pb.FailTaskRequest(
                task_id=task.task_id,
                failure=failure_pb2.Failure(kind="approval.declined", message="too much"),
            )
        )

        assert task_pb2.TASK_STATUS_FAILED == answer.task.status
        assert "approval.declined" == answer.task.error.kind

    async def test_is_closed_for_whoever_comes_second(
        self, client: Client, task: task_pb2.Task
    ) -> None:
        """Two people cannot both decide."""
        await client.tasks.CompleteTask(pb.CompleteTaskRequest(task_id=task.task_id))

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.tasks.CompleteTask(pb.CompleteTaskRequest(task_id=task.task_id))

        assert "TASK_CLOSED" == info_in(refused.value).reason

    async def test_is_completed_once_under_a_request_id(
        self, client: Client, task: task_pb2.Task
    ) -> None:
        """A repeat with the same id gets the first answer, and no error."""
        request = pb.CompleteTaskRequest(task_id=task.task_id, request_id="r1")
        first = await client.tasks.CompleteTask(request)

        again = await client.tasks.CompleteTask(request)

        assert first.task == again.task

    async def test_shows_its_input_in_a_list(self, client: Client, task: task_pb2.Task) -> None:
        """An inbox of people's tasks is one call."""
        assert task.HasField("input")

    @pytest.mark.parametrize(
        ("failure", "field"),
        [
            (None, "failure"),
            (failure_pb2.Failure(), "failure.kind"),
            (failure_pb2.Failure(kind="Not A Kind"), "failure.kind"),
            (failure_pb2.Failure(kind="a", message="x" * 2_001), "failure.message"),
        ],
    )
    async def test_takes_only_a_well_formed_failure(
        self,
        client: Client,
        task: task_pb2.Task,
        failure: failure_pb2.Failure | None,
        field: str,
    ) -> None:
        """Policies and guards test the kind, so it has a form."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.tasks.FailTask(pb.FailTaskRequest(task_id=task.task_id, failure=failure))

        assert ("FIELD_INVALID", field) == (
            info_in(refused.value).reason,
            info_in(refused.value).metadata["field"],
        )

    async def test_takes_only_json(self, client: Client, task: task_pb2.Task) -> None:
        """What is stored as JSON must be JSON."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.tasks.CompleteTask(
                pb.CompleteTaskRequest(task_id=task.task_id, output=Json(json="nope"))
            )

        assert "MALFORMED_REQUEST" == info_in(refused.value).reason

    async def test_of_another_tenant_is_unknown(
        self, stranger: Client, task: task_pb2.Task
    ) -> None:
        """A foreign id answers exactly like one that was never given."""
        for call in (
            stranger.tasks.GetTask(pb.GetTaskRequest(task_id=task.task_id)),
            stranger.tasks.CompleteTask(pb.CompleteTaskRequest(task_id=task.task_id)),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            assert grpc.StatusCode.NOT_FOUND == refused.value.code()


class TestAnExecutorsTask:
    async def test_is_not_completed_from_outside(self, client: Client) -> None:
        """Its executor would report into the void."""
        await activate(client, GREETING, "greeting")
        instance = await start(client, "greeting")
        task = await waiting_task(client, instance.instance_id)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.tasks.CompleteTask(pb.CompleteTaskRequest(task_id=task.task_id))

        assert "TASK_NOT_COMPLETABLE" == info_in(refused.value).reason


class TestListingTasks:
    async def test_goes_through_all_pages_once(self, client: Client) -> None:
        """Whatever the order, every task is seen exactly once."""
        await activate(client, GREETING, "greeting")
        started = {(await start(client, "greeting")).instance_id for _ in range(5)}

        seen: list[str] = []
        token = ""
        while True:
            page = await client.tasks.ListTasks(pb.ListTasksRequest(page_size=2, page_token=token))
            seen += [one.instance_id for one in page.tasks]
            token = page.next_page_token
            if not token:
                break

        assert (5, started) == (len(seen), set(seen))

    async def test_goes_by_task_or_by_time_as_the_filter_allows(self, client: Client) -> None:
        """What is due first comes first where that is what the index has."""
        await activate(client, TWO_TIMERS, "timers")
        instance_id = (await start(client, "timers")).instance_id
        within = f'instance_id = "{instance_id}" AND status = PENDING'

        async def names(filter_: str, order_by: str) -> list[str]:
            page = await client.tasks.ListTasks(
                pb.ListTasksRequest(filter=filter_, order_by=order_by)
            )
            return [one.name for one in page.tasks]

        assert ["late", "soon"] == await names("", "") == await names("", "task_id")
        assert ["late", "soon"] == await names(within, "") == await names(within, "task_id")
        assert ["soon", "late"] == await names("status = PENDING", "")
        assert ["soon", "late"] == await names("status = PENDING", "run_time")

    @pytest.mark.parametrize(
        ("filter_", "order_by", "allowed"),
        [
            ("", "create_time desc", "task_id"),
            ("", "run_time", "task_id"),
            ("status = RUNNING", "run_time", "task_id"),
            ("status = FAILED", "task_id", "run_time"),
        ],
    )
    async def test_in_an_order_that_the_filter_has_not_is_refused(
        self, client: Client, filter_: str, order_by: str, allowed: str
    ) -> None:
        """The error names the one there is."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.tasks.ListTasks(pb.ListTasksRequest(filter=filter_, order_by=order_by))

        info = info_in(refused.value)
        assert ("FILTER_INVALID", allowed) == (info.reason, info.metadata["allowed"])

    async def test_of_a_queue_comes_in_short_pages_and_misses_none(self, client: Client) -> None:
        """The queue is looked at in pages of tasks of every queue."""
        await activate(client, GREETING, "greeting")
        for _ in range(3):
            await start(client, "greeting")

        page = await client.tasks.ListTasks(pb.ListTasksRequest(page_size=2, filter="queue = gpu"))
        rest = await client.tasks.ListTasks(
            pb.ListTasksRequest(page_size=2, filter="queue = gpu", page_token=page.next_page_token)
        )

        assert (0, True) == (len(page.tasks), bool(page.next_page_token))
        assert (0, "") == (len(rest.tasks), rest.next_page_token)

    async def test_keeps_to_a_queue(self, client: Client) -> None:
        """A field without an index is a filter all the same."""
        await activate(client, GREETING, "greeting")
        await start(client, "greeting")

        here = await client.tasks.ListTasks(pb.ListTasksRequest(filter="queue = default"))
        elsewhere = await client.tasks.ListTasks(pb.ListTasksRequest(filter="queue = gpu"))

        assert (1, 0) == (len(here.tasks), len(elsewhere.tasks))
