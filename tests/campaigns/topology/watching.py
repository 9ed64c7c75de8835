"""Watchers of instances and followers of the feed, who take up again whatever breaks."""

import asyncio
import random
from dataclasses import dataclass

import grpc
from foliot.v1 import event_service_pb2, event_service_pb2_grpc, history_entry_pb2

from tests.campaigns.topology.calling import Caller
from tests.campaigns.topology.stories import Stories

WATCHERS = 5
FOLLOWERS = 2
LOOK_EVERY_S = 0.1
AGAIN_AFTER_S = (0.05, 0.5)
CLOSING = frozenset(
    {
        history_entry_pb2.HISTORY_ENTRY_TYPE_INSTANCE_COMPLETED,
        history_entry_pb2.HISTORY_ENTRY_TYPE_INSTANCE_FAILED,
    }
)


@dataclass(slots=True)
class Watching:
    """Few enough for one caller's streams: control_plane/api/admission.py has the limit."""

    caller: Caller
    stories: Stories
    dice: random.Random
    is_over: bool = False

    async def watch(self) -> None:
        """One instance after another, each to its end; returns when `is_over` and that was it."""
        async with asyncio.TaskGroup() as group:
            for number in range(WATCHERS):
                group.create_task(self._watch(number))

    async def follow(self) -> None:
        """All that happens, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(FOLLOWERS):
                group.create_task(self._follow(number))

    async def _watch(self, number: int) -> None:
        while not self.is_over:
            if not self.stories.unwatched:
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            # The oldest first: those that last through everything were the first to be started.
            instance_id = self.stories.unwatched.pop(0)
            if len(self.stories.unwatched) > WATCHERS:
                del self.stories.unwatched[WATCHERS:]
            await self._to_its_end(instance_id, f"{number}:{instance_id}")

    async def _to_its_end(self, instance_id: str, watch: str) -> None:
        seen = self.caller.seen
        told = seen.watched.setdefault(watch, [])
        stub = event_service_pb2_grpc.EventServiceStub(self.caller.channel)
        seq, is_closed = 0, False
        while True:
            request = event_service_pb2.WatchInstanceRequest(instance_id=instance_id, after_seq=seq)
            try:
                async for message in stub.WatchInstance(request, metadata=self.caller.metadata):
                    seq = message.seq
                    if message.HasField("entry"):
                        told.append(seq)
                        is_closed = is_closed or message.entry.type in CLOSING
            except grpc.aio.AioRpcError as error:
                await self._rest(error)
                continue
            # An end without an error is that of the instance.
            if is_closed:
                seen.closed.add(watch)
            return

    async def _follow(self, number: int) -> None:
        told = self.caller.seen.followed.setdefault(number, [])
        stub = event_service_pb2_grpc.EventServiceStub(self.caller.channel)
        position = ""
        while True:
            request = event_service_pb2.WatchEventsRequest(after=position, from_oldest=True)
            try:
                async for message in stub.WatchEvents(request, metadata=self.caller.metadata):
                    told += [(one.instance_id, one.entry.seq) for one in message.entries]
                    position = message.position
            except grpc.aio.AioRpcError as error:
                await self._rest(error)

    async def _rest(self, error: grpc.aio.AioRpcError) -> None:
        text = (error.details() or "")[:60]
        self.caller.seen.broken[f"{self.caller.phase}: {error.code().name} {text}"] += 1
        await asyncio.sleep(self.dice.uniform(*AGAIN_AFTER_S))
