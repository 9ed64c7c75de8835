"""The doorbell on a real Valkey: what rings, what is dropped, what it survives."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from shared.broker import LISTEN_FOR_S, MAX_QUEUE_LENGTH
from shared.doorbell import ORCHESTRATOR, TASK_NAME, TIMERS, Doorbell, Ring, rings_of, task_runner
from tests.executor.eventually import eventually
from tests.servers import Servers

DEFAULT = task_runner("default")


@pytest.fixture
def namespace() -> str:
    """Keys of the test's own."""
    return uuid4().hex


@pytest.fixture
async def doorbell(servers: Servers, namespace: str) -> AsyncIterator[Doorbell]:
    """A bell nobody else hears."""
    bell = Doorbell(servers.redis_url, namespace)
    yield bell
    await bell.close()


@pytest.fixture
async def redis(servers: Servers) -> AsyncIterator[Redis]:
    """What somebody else may do to the server."""
    client = Redis.from_url(servers.redis_url)
    yield client
    await client.aclose()


@asynccontextmanager
async def listening(bell: Doorbell, queues: Sequence[str]) -> AsyncIterator[list[Ring]]:
    """Listen meanwhile; what is given holds what rang."""
    heard: list[Ring] = []
    stop = asyncio.Event()

    async def on_ring(ring: Ring) -> None:
        heard.append(ring)

    listener = asyncio.ensure_future(bell.listen(queues, on_ring, stop))
    try:
        yield heard
    finally:
        stop.set()
        async with asyncio.timeout(5):
            await listener


class TestARing:
    async def test_names_few_ids(self, doorbell: Doorbell) -> None:
        """Whoever looks into a queue sees which tasks it is about."""
        async with listening(doorbell, [DEFAULT]) as heard:
            await doorbell.ring(DEFAULT, ["a:1", "a:2"])
            await eventually(lambda: heard)

        assert [Ring(queue=DEFAULT, ids=("a:1", "a:2"), count=2)] == heard

    async def test_counts_many_ids_and_comes_once_for_fifty(self, doorbell: Doorbell) -> None:
        """One message a task is what makes a broker the bottleneck."""
        async with listening(doorbell, [DEFAULT]) as heard:
            await doorbell.ring(DEFAULT, [f"a:{number}" for number in range(101)])
            await eventually(lambda: len(heard) == 3)

        assert [Ring(queue=DEFAULT, ids=(), count=101)] * 3 == heard

    async def test_carries_its_ids_as_the_id_of_the_taskiq_message(
        self, doorbell: Doorbell, redis: Redis, namespace: str
    ) -> None:
        """Any taskiq tool shows what a message is about; and it holds nothing but ids."""
        await doorbell.ring(DEFAULT, ["a:1", "a:2"])
        data = await redis.rpop(f"foliot:{namespace}:{DEFAULT}")
        assert isinstance(data, bytes)
        message = doorbell._broker.formatter.loads(data)

        assert (TASK_NAME, "a:1,a:2", {"queue": DEFAULT, "ids": ["a:1", "a:2"], "count": 2}) == (
            message.task_name,
            message.task_id,
            message.kwargs,
        )

    async def test_is_heard_once_however_many_listen(self, doorbell: Doorbell) -> None:
        """A message wakes one executor; how many messages there are decides how many wake."""
        async with listening(doorbell, [DEFAULT]) as one, listening(doorbell, [DEFAULT]) as other:
            await doorbell.ring_many({DEFAULT: ["a"], TIMERS: ["b"]})
            await doorbell.ring(DEFAULT, [])
            await eventually(lambda: len(one) + len(other) == 2)

        assert {("a",), ()} == {ring.ids for ring in one + other}

    async def test_is_not_heard_by_another_system_on_the_same_server(
        self, doorbell: Doorbell, servers: Servers
    ) -> None:
        """Two databases may share a Redis."""
        other = Doorbell(servers.redis_url, uuid4().hex)
        async with listening(other, [DEFAULT]) as theirs, listening(doorbell, [DEFAULT]) as ours:
            await doorbell.ring(DEFAULT, ["a"])
            await eventually(lambda: ours)
        await other.close()

        assert [] == theirs

    async def test_into_a_queue_nobody_listens_to_does_not_fill_the_server(
        self, doorbell: Doorbell, redis: Redis, namespace: str
    ) -> None:
        """The list keeps its newest messages and no more."""
        for _ in range(60):
            await doorbell.ring(DEFAULT, [str(number) for number in range(1_000)])

        assert MAX_QUEUE_LENGTH == await redis.llen(f"foliot:{namespace}:{DEFAULT}")

    async def test_does_not_raise_when_there_is_no_server(self) -> None:
        """A commit is not undone because nobody could be told of it."""
        bell = Doorbell("unix:///nowhere/redis.sock", "test")
        await bell.ring(DEFAULT, ["a"])
        await bell.close()

    async def test_does_not_try_again_at_once_when_there_is_no_server(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A server that is away must not cost every commit a connection attempt."""
        now = 100.0
        bell = Doorbell("unix:///nowhere/redis.sock", "test", monotonic=lambda: now)
        tried: list[object] = []
        kick_many = bell._broker.kick_many

        async def counted(messages: dict[str, Sequence[bytes]]) -> None:
            tried.append(messages)
            await kick_many(messages)

        monkeypatch.setattr(bell._broker, "kick_many", counted)
        for _ in range(10):
            await bell.ring(DEFAULT, ["a"])
        now += 10
        await bell.ring(DEFAULT, ["a"])
        await bell.close()

        assert 2 == len(tried)


class TestAListener:
    async def test_hears_its_first_queue_first(self, doorbell: Doorbell) -> None:
        """The order of the queues is their importance."""
        await doorbell.ring(TIMERS, ["late"])
        await doorbell.ring(ORCHESTRATOR, ["soon"])
        async with listening(doorbell, [ORCHESTRATOR, TIMERS]) as heard:
            await eventually(lambda: len(heard) == 2)

        assert [("soon",), ("late",)] == [ring.ids for ring in heard]

    async def test_drops_garbage_and_says_so_once(
        self,
        doorbell: Doorbell,
        redis: Redis,
        namespace: str,
        caplog: pytest.LogCaptureFixture,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Whatever is in the list, the next ring is heard, and the log is not flooded."""
        garbage = [b"", b"\xff\x00", b"{}", b"[" * 10_000, b"null", b'{"task_name":"os.system"}']
        garbage.append(b"x" * 100_000)
        with caplog.at_level(logging.WARNING):
            async with listening(doorbell, [DEFAULT]) as heard:
                await redis.lpush(f"foliot:{namespace}:{DEFAULT}", *garbage)
                await doorbell.ring(DEFAULT, ["a"])
                await eventually(lambda: heard)

        assert [("a",)] == [ring.ids for ring in heard]
        assert 1 == (capsys.readouterr().out + caplog.text).count("doorbell.garbage")

    async def test_hears_what_rings_after_everything_was_flushed(
        self, doorbell: Doorbell, redis: Redis
    ) -> None:
        """There is no state in Redis that could be missed."""
        async with listening(doorbell, [DEFAULT]) as heard:
            await doorbell.ring(DEFAULT, ["before"])
            await eventually(lambda: heard)
            await redis.flushall()
            await doorbell.ring(DEFAULT, ["after"])
            await eventually(lambda: len(heard) == 2)

        assert ("after",) == heard[1].ids

    async def test_hears_again_after_its_connections_were_cut(
        self, doorbell: Doorbell, redis: Redis
    ) -> None:
        """A connection is lost without a word; the listener comes back by itself."""
        async with listening(doorbell, [DEFAULT]) as heard:
            await doorbell.ring(DEFAULT, ["before"])
            await eventually(lambda: heard)
            await redis.client_kill_filter(_type="normal", skipme=True)

            async def rung() -> bool:
                await doorbell.ring(DEFAULT, ["after"])
                return len(heard) > 1

            await eventually(rung)

        assert ("after",) == heard[-1].ids

    async def test_hears_again_after_the_server_was_killed(
        self, doorbell: Doorbell, redis: Redis
    ) -> None:
        """The server comes back empty, some time later."""
        async with listening(doorbell, [DEFAULT]) as heard:
            await doorbell.ring(DEFAULT, ["before"])
            await eventually(lambda: heard)
            os.kill((await redis.info())["process_id"], signal.SIGKILL)

            async def rung() -> bool:
                await doorbell.ring(DEFAULT, ["after"])
                return len(heard) > 1

            await eventually(rung)

        assert ("after",) == heard[-1].ids

    async def test_ends_when_it_is_told_to_even_while_it_connects(self, doorbell: Doorbell) -> None:
        """redis-py loses a cancellation that comes at that moment, now and then."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for turns in range(60):
            async with listening(doorbell, [DEFAULT]):
                for _ in range(turns):
                    await asyncio.sleep(0)

        assert loop.time() - began < LISTEN_FOR_S

    async def test_leaves_messages_to_others_while_it_is_busy(
        self, doorbell: Doorbell, redis: Redis, namespace: str
    ) -> None:
        """What one listener takes and does not act on, wakes nobody."""
        stop = asyncio.Event()
        go_on = asyncio.Event()

        async def slow(_: Ring) -> None:
            await go_on.wait()

        for number in range(5):
            await doorbell.ring(DEFAULT, [str(number)])
        listener = asyncio.ensure_future(doorbell.listen([DEFAULT], slow, stop))
        key = f"foliot:{namespace}:{DEFAULT}"

        async def one_taken() -> bool:
            return bool(await redis.llen(key) < 5)

        await eventually(one_taken)
        left = await redis.llen(key)
        stop.set()
        go_on.set()
        await listener

        assert 4 == left


class TestRingsOf:
    @pytest.mark.parametrize(
        ("count", "messages"), [(0, 1), (1, 1), (8, 1), (9, 1), (50, 1), (51, 2), (10_000, 20)]
    )
    def test_are_as_few_as_wake_enough(self, count: int, messages: int) -> None:
        """One for fifty, at least one, and never more than a crowd."""
        rings = rings_of(DEFAULT, [str(number) for number in range(count)])

        assert messages == len(rings)
