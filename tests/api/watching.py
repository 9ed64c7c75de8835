"""Streams of the feed as a test reads them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

from foliot.v1 import event_service_pb2 as pb
from foliot.v1 import history_entry_pb2

from tests.api.serving import WITHIN_S, Client

Happened: TypeAlias = tuple[str, int, str]
"""An instance's id, a seq, and the type of the entry there."""


def what(entry: pb.FeedEntry) -> Happened:
    name = history_entry_pb2.HistoryEntryType.Name(entry.entry.type)
    return entry.instance_id, entry.entry.seq, name.removeprefix("HISTORY_ENTRY_TYPE_")


class Watcher:
    """A stream of events, and all that it has told so far."""

    def __init__(self, stream: AsyncIterator[pb.WatchEventsResponse]) -> None:
        self._stream = stream
        self.messages: list[pb.WatchEventsResponse] = []

    @property
    def entries(self) -> list[pb.FeedEntry]:
        return [entry for message in self.messages for entry in message.entries]

    @property
    def happened(self) -> list[Happened]:
        return [what(entry) for entry in self.entries]

    @property
    def position(self) -> str:
        return self.messages[-1].position

    async def until(self, is_enough: Callable[["Watcher"], bool]) -> "Watcher":
        """Read on until there is enough; raises what ends the stream before."""
        async with asyncio.timeout(WITHIN_S):
            while not self.messages or not is_enough(self):
                self.messages.append(await anext(self._stream))
        return self

    async def until_entries(self, count: int) -> "Watcher":
        return await self.until(lambda watcher: len(watcher.entries) >= count)


@asynccontextmanager
async def watching(client: Client, **asked: object) -> AsyncIterator[Watcher]:
    """A stream of events that has begun."""
    stream = client.events.WatchEvents(pb.WatchEventsRequest(**asked))  # type: ignore[arg-type]  # the test's own
    watcher = Watcher(aiter(stream))
    await watcher.until(lambda _: True)
    yield watcher
    stream.cancel()


async def everything(client: Client) -> list[pb.FeedEntry]:
    """All that the feed has by now."""
    async with watching(client) as now:
        last = now.position
    async with watching(client, from_oldest=True) as watcher:
        await watcher.until(lambda one: one.position == last)
        return watcher.entries
