"""Followers of the tenant's feed: all that happens to all instances, resumed wherever it broke."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import grpc
from foliot.v1 import event_service_pb2, event_service_pb2_grpc

from tests.campaigns.chaos.logs import Log

FOLLOWERS = 2
FOLLOW_FOR_S = 6.0
"""A stream is left after so long, and taken up again on whatever control plane there is."""


@dataclass(slots=True)
class Followers:
    """
    Each from the oldest entry on. `told` is how many entries each has heard, `reached` how far
    of each instance.
    """

    channels: Sequence[grpc.aio.Channel]
    metadata: tuple[tuple[str, str], ...]
    log: Log
    dice: random.Random
    told: dict[int, int] = field(default_factory=dict)
    reached: dict[int, dict[str, int]] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as followers:
            for number in range(FOLLOWERS):
                self.told[number], self.reached[number] = 0, {}
                followers.create_task(self._follow(number))

    async def _follow(self, number: int) -> None:
        position = ""
        while True:
            self.log.write("opened", follower=number, after=position)
            call = event_service_pb2_grpc.EventServiceStub(
                self.dice.choice(self.channels)
            ).WatchEvents(
                event_service_pb2.WatchEventsRequest(after=position, from_oldest=True),
                metadata=self.metadata,
                timeout=FOLLOW_FOR_S,
            )
            try:
                async for message in call:
                    entries = [(one.instance_id, one.entry.seq) for one in message.entries]
                    if entries:
                        self.log.write("told", follower=number, entries=entries)
                        self.told[number] += len(entries)
                        self.reached[number].update(entries)
                    position = message.position
            except grpc.aio.AioRpcError as error:
                code = error.code()
                self.log.write("broken", follower=number, code=code.name, text=error.details())
                await asyncio.sleep(self.dice.uniform(0.05, 0.5))
