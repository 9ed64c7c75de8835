"""
Tells watchers that there is more to read: a query or two per replica for all that is watched,
however many watchers there are.

A commit of this process has it look at once, or tells by itself. Commits of others are found
by looking again and again.
"""

import asyncio
from collections.abc import Sequence

from control_plane.loops.feed_window import WINDOW_WEIGHT, FeedWindow
from control_plane.loops.instance_news import InstanceNews
from control_plane.loops.pace import repeat
from control_plane.ports.feed import Feed
from control_plane.ports.records import HistoryEntry, InstanceKey

INSTANCES_EVERY_S = 0.25
"""How often to ask for all instances that are waited for."""

FEEDS_EVERY_S = 0.1
"""How often to ask for the feeds that are followed, while all is quiet."""

GATHER_S = 0.01
"""The least time between two looks: what comes meanwhile is read together."""


class Tailer:
    """`instances` and `feed` are what watchers wait by."""

    def __init__(self, feed: Feed, *, window_weight: int = WINDOW_WEIGHT) -> None:
        self._wake = asyncio.Event()
        self._looked_at = 0.0
        self._asked_all_at = 0.0
        self._seen_at: float | None = None
        self._rest_s = FEEDS_EVERY_S
        self.instances = InstanceNews(feed, self._wake)
        self.feed = FeedWindow(feed, self._wake, window_weight=window_weight)

    def committed(self, changes: Sequence[tuple[InstanceKey, Sequence[HistoryEntry]]]) -> None:
        """These instances have these entries more."""
        self.instances.committed(changes)
        self.feed.committed(key.tenant_id for key, _ in changes)

    def lag_s(self) -> float:
        """For how many seconds it has not looked; of a loop that works, a fraction of one."""
        if self._seen_at is None:
            return 0.0
        return max(0.0, asyncio.get_running_loop().time() - self._seen_at)

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("tailer", stop, self._look, wake=self._wake)

    async def _look(self) -> float:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._looked_at + GATHER_S - loop.time()))
        self._wake.clear()
        self._looked_at = loop.time()
        is_turn = self._looked_at >= self._asked_all_at + INSTANCES_EVERY_S
        if is_turn:
            self._asked_all_at = self._looked_at
        await self.instances.look(at_all=is_turn)
        # What was committed here cannot be read while an older transaction is under way: so it
        # is asked for again soon, and then less and less often.
        may_be_more = await self.feed.look()
        self._seen_at = loop.time()
        self._rest_s = GATHER_S if may_be_more else min(2 * self._rest_s, FEEDS_EVERY_S)
        return self._rest_s
