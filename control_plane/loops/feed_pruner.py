"""Removes what nobody can be behind by any more from the tenants' feeds."""

import asyncio
from datetime import timedelta

from control_plane.loops.pace import repeat
from control_plane.ports.feed import Feed

EVERY_S = 600.0
SOON_S = 1.0
"""The rest while there is more to remove than one go takes."""

AT_ONCE = 1_000
"""Parts of one tenant in one go."""


class FeedPruner:
    def __init__(self, feed: Feed, keep: timedelta) -> None:
        self._feed = feed
        self._keep = keep

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("feed pruner", stop, self._prune)

    async def _prune(self) -> float:
        removed = await self._feed.prune(self._keep, AT_ONCE)
        return SOON_S if removed >= AT_ONCE else EVERY_S
