"""
Rings after commits, and never more often than the bell can be rung.

Whatever is committed while a ring is under way joins the next one. A bell rung is a
hint: nobody waits for it, and what it would have said is found by polling anyway.
"""

import asyncio
from collections import defaultdict

from control_plane.ports.doorbell import Doorbell
from shared.failpoints import failpoint

MAX_NOTED = 10_000
"""Ids kept per queue for the next ring; beyond it only their absence of names is lost."""


class Bells:
    def __init__(self, doorbell: Doorbell) -> None:
        self._doorbell = doorbell
        self._noted: defaultdict[str, list[str]] = defaultdict(list)
        self._wake = asyncio.Event()

    def note(self, queue: str, ids: list[str]) -> None:
        """These ids wait in a queue now; ring as soon as the last ring is done."""
        noted = self._noted[queue]
        noted.extend(ids[: MAX_NOTED - len(noted)])
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        stopped = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                woken = asyncio.ensure_future(self._wake.wait())
                await asyncio.wait((stopped, woken), return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
                await self._ring()
        finally:
            stopped.cancel()

    async def _ring(self) -> None:
        self._wake.clear()
        await failpoint("bells.ring.before")
        noted, self._noted = self._noted, defaultdict(list)
        for queue, ids in noted.items():
            await self._doorbell.ring(queue, ids)
