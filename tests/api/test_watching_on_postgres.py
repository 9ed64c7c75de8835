"""Watching on PostgreSQL: many writers, two servers, watchers that are slow or cut off."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import grpc
from foliot.v1 import event_service_pb2 as pb
from foliot.v1 import instance_service_pb2

from control_plane.bootstrap import connected
from tests.api.serving import Client, with_key
from tests.api.stories import activate, send, start
from tests.api.test_on_postgres import OWN, ring, settings_for
from tests.api.watching import Happened, what

CALLERS = 12
INSTANCES_OF_A_CALLER = 25
WITHIN_S = 120.0


async def busy(client: Client) -> None:
    """A caller that starts instances and moves them on."""
    for _ in range(INSTANCES_OF_A_CALLER):
        instance = await start(client)
        await send(client, instance.instance_id, "SUBMIT")
        await send(client, instance.instance_id, "WITHDRAW")


async def written(database_url: str) -> set[tuple[str, int]]:
    """Every entry that was ever written."""
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT instance_id::text, seq FROM foliot.history")
    await connection.close()
    return {tuple(row) for row in rows}


async def followed(client: Client, total: asyncio.Future[int], seed: int) -> list[Happened]:
    """
    All that a watcher is told, that loses its stream again and again.

    It resumes from the last entry that it has taken in, wherever in a message that was.
    """
    chance = random.Random(seed)
    told: list[Happened] = []
    position = ""
    while not (total.done() and len(told) >= total.result()):
        stream = client.events.WatchEvents(
            pb.WatchEventsRequest(after=position, from_oldest=not position)
        )
        lasts = chance.randrange(1, 400)
        async for message in stream:
            for entry in message.entries[: max(0, lasts)]:
                told.append(what(entry))
                position = entry.position
            lasts -= len(message.entries)
            if lasts <= 0:
                break
            position = message.position
            if total.done() and len(told) >= total.result():
                break
        stream.cancel()
    return told


async def slowly(client: Client, total: asyncio.Future[int]) -> list[Happened]:
    """All that a watcher is told that reads nothing before everything has happened."""
    stream = client.events.WatchEvents(pb.WatchEventsRequest(from_oldest=True))
    reading = aiter(stream)
    await anext(reading)
    count = await total
    told: list[Happened] = []
    while len(told) < count:
        told += [what(entry) for entry in (await anext(reading)).entries]
    stream.cancel()
    return told


@asynccontextmanager
async def another_server(
    database_url: str, key: str | None
) -> AsyncIterator[tuple[Client, asyncio.Event]]:
    """A second control plane on the same database, and what stops it."""
    stop = asyncio.Event()
    async with connected(settings_for(database_url), OWN) as control_plane:
        running = asyncio.create_task(control_plane.run(stop))
        async with asyncio.timeout(WITHIN_S):
            address = await control_plane.address
        try:
            async with grpc.aio.insecure_channel(address, interceptors=with_key(key)) as channel:
                yield Client(channel, key), stop
        finally:
            stop.set()
            await running


class TestWatchersOfABusyTenant:
    async def test_are_told_everything_once_and_in_order_whatever_befalls_them(
        self, migrated_url: str
    ) -> None:
        """Thousands of entries by a dozen callers; one watcher is slow, others lose theirs."""
        async with ring(migrated_url) as (client, _), asyncio.timeout(WITHIN_S):
            await activate(client)
            total: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            async with asyncio.TaskGroup() as group:
                watchers = [
                    group.create_task(slowly(client, total)),
                    *(group.create_task(followed(client, total, seed)) for seed in range(3)),
                ]
                async with asyncio.TaskGroup() as callers:
                    for _ in range(CALLERS):
                        callers.create_task(busy(client))
                expected = await written(migrated_url)
                total.set_result(len(expected))

        assert 2_000 < len(expected)
        first = watchers[0].result()
        for watcher in watchers:
            told = watcher.result()
            assert len(expected) == len(told)
            assert expected == {(instance_id, seq) for instance_id, seq, _ in told}
            assert first == told
        newest: dict[str, int] = {}
        for instance_id, seq, _ in first:
            assert newest.get(instance_id, 0) + 1 == seq
            newest[instance_id] = seq


class TestTwoServers:
    async def test_tell_their_watchers_of_each_others_commits(self, migrated_url: str) -> None:
        """Any replica may handle anything; no watcher need know which one did."""
        async with (
            ring(migrated_url) as (here, _),
            another_server(migrated_url, here.key) as (there, _stop),
            asyncio.timeout(WITHIN_S),
        ):
            await activate(here)
            instance = await start(here)
            events = there.events.WatchEvents(pb.WatchEventsRequest())
            feed = aiter(events)
            await anext(feed)
            history = there.events.WatchInstance(
                pb.WatchInstanceRequest(
                    instance_id=instance.instance_id, after_seq=instance.history_seq
                )
            )
            reading = asyncio.create_task(_all_seqs(history))
            await send(here, instance.instance_id, "SUBMIT")
            cancelled = await here.instances.CancelInstance(
                instance_service_pb2.CancelInstanceRequest(
                    instance_id=instance.instance_id, reason="enough"
                )
            )
            last = cancelled.instance.history_seq
            told: list[Happened] = []
            while len(told) < last - instance.history_seq:
                told += [what(entry) for entry in (await anext(feed)).entries]
            seqs = await reading
            events.cancel()

        assert list(range(instance.history_seq + 1, last + 1)) == seqs
        assert seqs == [seq for _, seq, _ in told]

    async def test_take_over_from_each_other_without_a_gap(self, migrated_url: str) -> None:
        """One drains and says so; its watcher goes on at the other from where it was."""
        async with ring(migrated_url) as (here, _), asyncio.timeout(WITHIN_S):
            await activate(here)
            told: list[Happened] = []
            async with another_server(migrated_url, here.key) as (there, stop):
                stream = aiter(there.events.WatchEvents(pb.WatchEventsRequest(from_oldest=True)))
                one = await start(here)
                while len(told) < one.history_seq:
                    told += [what(entry) for entry in (await anext(stream)).entries]
                stop.set()
                while not (last := await anext(stream)).draining:
                    assert not last.entries
                position = last.position
            two = await start(here)
            again = here.events.WatchEvents(pb.WatchEventsRequest(after=position))
            async for message in again:
                told += [what(entry) for entry in message.entries]
                if len(told) >= one.history_seq + two.history_seq:
                    break
            again.cancel()
            expected = await written(migrated_url)

        assert len(expected) == len(told)
        assert expected == {(instance_id, seq) for instance_id, seq, _ in told}


async def _all_seqs(
    stream: "grpc.aio.UnaryStreamCall[pb.WatchInstanceRequest, pb.WatchInstanceResponse]",
) -> list[int]:
    return [message.seq async for message in stream if message.HasField("entry")]
