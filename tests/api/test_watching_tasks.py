"""Watching human tasks, over the wire: an inbox that is never behind for long."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from foliot.v1 import event_service_pb2 as pb
from foliot.v1 import history_entry_pb2 as history
from foliot.v1 import instance_service_pb2, task_pb2, task_service_pb2

from tests.api.serving import WITHIN_S, Client, Serving, client_of, info_in
from tests.api.stories import GREETING, activate, as_json, send, start, waiting_task

CREATED = history.HISTORY_ENTRY_TYPE_TASK_CREATED
COMPLETED = history.HISTORY_ENTRY_TYPE_TASK_COMPLETED
CANCELLED = history.HISTORY_ENTRY_TYPE_TASK_CANCELLED


@pytest.fixture(autouse=True)
async def approval(client: Client) -> str:
    """An active definition with a task for people."""
    return await activate(client)


async def reviewed(client: Client, **more: Any) -> task_pb2.Task:
    """The task of a new instance that waits for a person."""
    instance = await start(client, **more)
    await send(client, instance.instance_id, "SUBMIT")
    return await waiting_task(client, instance.instance_id)


async def complete(client: Client, task: task_pb2.Task) -> None:
    await client.tasks.CompleteTask(
        task_service_pb2.CompleteTaskRequest(task_id=task.task_id, output=as_json("fine"))
    )


class Inbox:
    """What a client makes of the stream: the tasks by id, each as it came last."""

    def __init__(self, client: Client, after: str = "", filter_: str = "") -> None:
        self.changes: list[tuple[str, int]] = []
        self.open: dict[str, task_pb2.Task] = {}
        self.position = ""
        request = pb.WatchTasksRequest(after=after, filter=filter_)
        self.call = client.events.WatchTasks(request)
        self._stream: AsyncIterator[pb.WatchTasksResponse] = aiter(self.call)

    async def read(self) -> pb.WatchTasksResponse:
        async with asyncio.timeout(WITHIN_S):
            message = await anext(self._stream)
        for one in message.tasks:
            if one.change:
                self.changes.append((one.task.task_id, one.change))
            if one.task.HasField("complete_time"):
                self.open.pop(one.task.task_id, None)
            else:
                self.open[one.task.task_id] = one.task
        self.position = message.position
        return message

    async def until_position(self) -> None:
        """Until all that was open has come."""
        while not (await self.read()).position:
            pass

    async def until_changes(self, count: int) -> None:
        while len(self.changes) < count:
            await self.read()


class TestAnInbox:
    async def test_begins_with_the_tasks_that_are_open(self, client: Client) -> None:
        """With what there is to be done, and not with what was."""
        tasks = [await reviewed(client) for _ in range(3)]
        await complete(client, tasks[0])

        inbox = Inbox(client)
        await inbox.until_position()

        assert {task.task_id for task in tasks[1:]} == inbox.open.keys()
        assert [] == inbox.changes
        assert '"' not in inbox.open[tasks[1].task_id].output.json

    async def test_goes_on_with_what_changes(self, client: Client) -> None:
        """Created, completed, called off: each change once, with the task as it is by then."""
        inbox = Inbox(client)
        await inbox.until_position()

        one, two = await reviewed(client), await reviewed(client)
        await inbox.until_changes(2)
        await complete(client, one)
        await client.instances.CancelInstance(
            instance_service_pb2.CancelInstanceRequest(instance_id=two.instance_id, reason="enough")
        )
        await inbox.until_changes(4)

        first, second = one.task_id, two.task_id
        assert [(first, CREATED), (second, CREATED)] == inbox.changes[:2]
        assert [(first, COMPLETED), (second, CANCELLED)] == inbox.changes[2:]
        assert {} == inbox.open

    async def test_is_resumed_with_what_changed_meanwhile(self, client: Client) -> None:
        """Without the open tasks once more: the client has them."""
        one = await reviewed(client)
        inbox = Inbox(client)
        await inbox.until_position()
        inbox.call.cancel()
        two = await reviewed(client)
        await complete(client, one)

        again = Inbox(client, after=inbox.position)
        await again.until_changes(2)

        assert [(two.task_id, CREATED), (one.task_id, COMPLETED)] == again.changes

    async def test_loses_nothing_however_often_its_stream_is_lost(self, client: Client) -> None:
        """Each change once, from whatever position it was resumed, while others go on working."""
        inbox = Inbox(client)
        await inbox.until_position()
        told, left = list(inbox.changes), dict(inbox.open)

        async def work(number: int) -> None:
            for _ in range(5):
                task = await reviewed(client)
                if number % 2:
                    await complete(client, task)

        async with asyncio.TaskGroup() as group:
            for number in range(4):
                group.create_task(work(number))
            while len(told) < 4 * 5 + 2 * 5:
                position = inbox.position
                inbox.call.cancel()
                inbox = Inbox(client, after=position)
                inbox.open = left
                await inbox.until_changes(1)
                told += inbox.changes

        inbox.call.cancel()
        fresh = Inbox(client)
        await fresh.until_position()
        assert len(told) == len(set(told))
        assert fresh.open.keys() == left.keys()

    async def test_counts_among_the_ten_streams_of_its_caller(self, client: Client) -> None:
        """One caller must not take all the streams there are, of whatever kind."""
        inboxes = [Inbox(client) for _ in range(10)]
        for inbox in inboxes:
            await inbox.until_position()

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await Inbox(client).read()
        for inbox in inboxes:
            inbox.call.cancel()

        assert "LIMIT_EXCEEDED" == info_in(refused.value).reason

    async def test_says_nothing_of_what_executors_do(
        self, client: Client, executor: Client
    ) -> None:
        """A busy tenant's inbox stays a quiet place."""
        await activate(client, GREETING, "greeting")
        inbox = Inbox(client)
        await inbox.until_position()

        await start(client, "greeting")
        task = await reviewed(client)
        await inbox.until_changes(1)

        assert [(task.task_id, CREATED)] == inbox.changes

    @pytest.mark.parametrize(
        ("filter_", "is_there"),
        [
            ('definition_key = "approval" AND business_key = "o-1"', True),
            ('business_key = "o-2"', False),
            ('name = "approve" AND queue = "default"', True),
            ('name = "reject"', False),
            ('queue = "underwriters"', False),
        ],
    )
    async def test_has_the_tasks_that_a_filter_keeps(
        self, client: Client, filter_: str, *, is_there: bool
    ) -> None:
        """Those that are open, and those that come."""
        first = await reviewed(client, business_key="o-1")
        inbox = Inbox(client, filter_=filter_)
        await inbox.until_position()
        opened = set(inbox.open)
        await complete(client, first)
        after = await reviewed(client)
        whole = Inbox(client, after=inbox.position)
        await whole.until_changes(2)
        if is_there:
            await inbox.until_changes(1)

        assert ({first.task_id} if is_there else set()) == opened
        assert [(first.task_id, COMPLETED), (after.task_id, CREATED)] == whole.changes
        if is_there:
            assert (first.task_id, COMPLETED) == inbox.changes[0]

    async def test_is_for_who_carries_tasks_out_and_shows_no_history(
        self, client: Client, serving: Serving
    ) -> None:
        """A worker reads the tasks that are theirs, and may read nothing else."""
        task = await reviewed(client)
        await client.tasks.AssignTask(
            task_service_pb2.AssignTaskRequest(task_id=task.task_id, assignee="ada")
        )
        found = []
        for user in ("ada", "bo"):
            key = await serving.key("human_worker", user=user)
            async with client_of(serving, key) as worker:
                inbox = Inbox(worker)
                await inbox.until_position()
                found.append(set(inbox.open))

        assert [{task.task_id}, set()] == found

    async def test_is_another_tenants_never(self, client: Client, stranger: Client) -> None:
        """Neither what is open nor what changes."""
        await activate(stranger)
        await reviewed(client)
        inbox = Inbox(stranger)
        await inbox.until_position()
        await reviewed(client)
        own = await reviewed(stranger)
        await inbox.until_changes(1)

        assert {own.task_id} == inbox.open.keys()

    async def test_ends_with_a_word_when_the_server_drains(
        self, client: Client, serving: Serving
    ) -> None:
        """And from where to resume, with whatever other server."""
        inbox = Inbox(client)
        await inbox.until_position()
        position = inbox.position

        serving.stop.set()
        last = await inbox.read()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await inbox.read()

        assert (True, position) == (last.draining, last.position)
        assert "SERVER_DRAINING" == info_in(ended.value).reason
