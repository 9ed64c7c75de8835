"""Queues over the API: what waits in them, and what a pause holds back."""

from collections.abc import AsyncIterator

import grpc
import pytest
from foliot.v1 import admin_service_pb2 as pb
from foliot.v1 import queue_pb2, task_pb2

from tests.api.serving import Client, Serving, client_of, info_in
from tests.api.stories import GREETING, activate, start
from tests.api.test_executors import claiming, connected, heard
from tests.executor.eventually import eventually

ALL = pb.GetQueueStatsRequest()


@pytest.fixture(autouse=True)
async def greeting(client: Client) -> str:
    """A definition whose first state has a task for an executor."""
    return await activate(client, GREETING, "greeting")


@pytest.fixture
async def platform(serving: Serving) -> AsyncIterator[Client]:
    """An operator of the platform."""
    async with client_of(serving, await serving.key("platform_admin", None)) as made:
        yield made


def pausing(queue: str = "default", reason: str = "the bank is down") -> pb.PauseQueueRequest:
    return pb.PauseQueueRequest(queue=queue, reason=reason)


def resuming(queue: str = "default") -> pb.ResumeQueueRequest:
    return pb.ResumeQueueRequest(queue=queue)


async def default(caller: Client) -> queue_pb2.QueueStats:
    """The one line there is."""
    (stats,) = (await caller.admin.GetQueueStats(ALL)).stats
    return stats


class TestTheStats:
    async def test_are_of_all_tenants_for_the_platform_and_of_ones_own_for_a_tenant(
        self, client: Client, stranger: Client, platform: Client
    ) -> None:
        """What others have to do is none of a tenant's business."""
        await activate(stranger, GREETING, "greeting")
        for caller in (client, client, stranger):
            await start(caller, "greeting")

        assert [3, 2, 1] == [
            (await default(caller)).ready.count for caller in (platform, client, stranger)
        ]

    async def test_tell_where_tasks_are_and_how_long_the_oldest_waits(
        self, client: Client, platform: Client, executor: Client, serving: Serving
    ) -> None:
        """What executors are scaled by."""
        for _ in range(3):
            await start(client, "greeting")
        await executor.executors.ClaimTasks(claiming(max_tasks=1))

        stats = await default(platform)

        assert ("default", task_pb2.TASK_TYPE_SYSTEM) == (stats.queue, stats.task_type)
        assert [2, 0, 1] == [stats.ready.count, stats.delayed.count, stats.leased.count]
        assert not stats.ready.at_least
        assert 0 < stats.oldest_ready_duration.ToTimedelta().total_seconds() < 60
        assert not stats.HasField("paused")

    async def test_of_a_queue_nobody_uses_are_none(self, client: Client) -> None:
        """Not an error: it may be used tomorrow."""
        await start(client, "greeting")
        answer = await client.admin.GetQueueStats(pb.GetQueueStatsRequest(queue="other"))

        assert ([], False) == (list(answer.stats), answer.more)

    async def test_have_no_queue_of_too_long_a_name(self, client: Client) -> None:
        """As everywhere, with the field."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.admin.GetQueueStats(pb.GetQueueStatsRequest(queue="q" * 64))

        assert "queue" == info_in(refused.value).metadata["field"]


class TestAPausedQueue:
    async def test_gives_nothing_out_until_it_is_resumed(
        self, client: Client, platform: Client, executor: Client
    ) -> None:
        """Neither to who claims, nor by itself."""
        await platform.admin.PauseQueue(pausing())
        await start(client, "greeting")

        held = await executor.executors.ClaimTasks(claiming())
        resumed = await platform.admin.ResumeQueue(resuming())
        given = await executor.executors.ClaimTasks(claiming())

        assert [0, 1] == [len(held.tasks), len(given.tasks)]
        assert resumed.resumed

    async def test_hands_nothing_to_executors_that_are_connected(
        self, serving: Serving, client: Client, platform: Client, executor: Client
    ) -> None:
        """Eager hand-back knows of it as soon as the pause was answered, or a poll later."""
        async with connected(executor) as (call, session_id):
            await platform.admin.PauseQueue(pausing())
            hands = serving.control_plane._hands
            await eventually(lambda: hands._is_paused("default"))
            await start(client, "greeting")
            paused = await default(platform)

            await platform.admin.ResumeQueue(resuming())
            await eventually(lambda: not hands._is_paused("default"))
            await start(client, "greeting")
            message = await heard(call)

        assert [1, 0] == [paused.ready.count, paused.leased.count]
        assert 1 == len(message.assign.tasks)
        assert session_id

    async def test_says_who_paused_it_and_why(self, client: Client, platform: Client) -> None:
        """To operators; a tenant sees that it is paused, and not for whom."""
        await start(client, "greeting")
        await platform.admin.PauseQueue(pausing())
        answer = await platform.admin.PauseQueue(pausing(reason="again"))

        told, seen = await default(platform), await default(client)

        assert "the bank is down" == answer.paused.reason == told.paused.reason
        assert told.paused.paused_by.startswith("key:")
        assert ("default", "", "") == (
            seen.paused.queue,
            seen.paused.reason,
            seen.paused.paused_by,
        )
        assert seen.paused.HasField("pause_time")

    async def test_is_told_of_though_nothing_waits_in_it(
        self, client: Client, platform: Client
    ) -> None:
        """A pause that is forgotten would be found by the next customer."""
        await platform.admin.PauseQueue(pausing("forgotten"))

        told, seen = await platform.admin.GetQueueStats(ALL), await client.admin.GetQueueStats(ALL)

        assert ["forgotten"] == [one.queue for one in told.paused]
        assert [] == list(seen.paused)

    async def test_is_the_platforms_to_pause(self, client: Client) -> None:
        """A queue is shared by all tenants."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.admin.PauseQueue(pausing())
        with pytest.raises(grpc.aio.AioRpcError) as again:
            await client.admin.ResumeQueue(resuming())

        assert "PERMISSION_DENIED" == info_in(refused.value).reason
        assert "PERMISSION_DENIED" == info_in(again.value).reason

    async def test_needs_a_name_and_a_reason(self, platform: Client) -> None:
        """Whoever finds it paused wants to know why."""
        fields = []
        for request in (
            pausing(""),
            pausing("q" * 64),
            pausing(reason=""),
            pausing("a", "r" * 1_001),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await platform.admin.PauseQueue(request)
            fields.append(info_in(refused.value).metadata["field"])

        assert ["queue", "queue", "reason", "reason"] == fields

    async def test_is_one_of_a_hundred(self, platform: Client) -> None:
        """Every claim looks at all of them."""
        for number in range(100):
            await platform.admin.PauseQueue(pausing(f"q{number}"))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await platform.admin.PauseQueue(pausing("one-more"))

        assert "LIMIT_EXCEEDED" == info_in(refused.value).reason
