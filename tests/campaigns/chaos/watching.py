"""Watchers: each follows one instance after another to its end, through whatever happens."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from foliot.v1 import event_service_pb2, event_service_pb2_grpc, history_entry_pb2

from tests.campaigns.chaos.logs import Log

WATCHERS = 6
WATCH_FOR_S = 8.0
"""A stream is left after so long, and taken up again: watching must bear that too."""

LOOK_EVERY_S = 0.2


@dataclass(slots=True)
class Watchers:
    """All of them. `unwatched` are the instances started since one was last chosen."""

    channels: Sequence[grpc.aio.Channel]
    metadata: tuple[tuple[str, str], ...]
    log: Log
    dice: random.Random
    unwatched: list[str] = field(default_factory=list)
    are_wanted: bool = True

    async def run(self) -> None:
        """Until nobody wants them any more, or cancelled."""
        async with asyncio.TaskGroup() as watchers:
            for number in range(WATCHERS):
                watchers.create_task(self._watch(number))

    async def _watch(self, number: int) -> None:
        while self.are_wanted:
            if not self.unwatched:
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            instance_id = self.unwatched.pop()
            self.unwatched.clear()
            await self._follow(instance_id, f"{number}:{instance_id}")

    async def _follow(self, instance_id: str, watch: str) -> None:
        seq, has_ended = 0, False
        while not has_ended:
            self.log.write("opened", watch=watch, instance=instance_id, after=seq)
            call = event_service_pb2_grpc.EventServiceStub(
                self.dice.choice(self.channels)
            ).WatchInstance(
                event_service_pb2.WatchInstanceRequest(instance_id=instance_id, after_seq=seq),
                metadata=self.metadata,
                timeout=WATCH_FOR_S,
            )
            try:
                async for message in call:
                    seq = self._seen(message, watch)
                # An end without an error is the end of the instance.
                has_ended = True
            except grpc.aio.AioRpcError as error:
                self.log.write("broken", watch=watch, code=error.code().name)
                await asyncio.sleep(self.dice.uniform(0.05, 0.5))
        self.log.write("followed", watch=watch, seq=seq)

    def _seen(self, message: Any, watch: str) -> int:
        seq: int = message.seq
        if not message.HasField("entry"):
            self.log.write("bookmark", watch=watch, seq=seq)
            return seq
        kind = history_entry_pb2.HistoryEntryType.Name(message.entry.type)
        kind = kind.removeprefix("HISTORY_ENTRY_TYPE_")
        payload = message.entry.payload.json
        self.log.write("entry", watch=watch, seq=seq, type=kind, payload=payload)
        return seq
