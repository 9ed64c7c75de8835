"""
Makes delayed tasks claimable at their instants, and rings for them.

Time is the database's. The loop sleeps until the next instant the database knows of, or
until a commit of this process delays a task for less; polling covers those of others.
"""

import asyncio
from datetime import datetime

from control_plane.loops.bells import Bells
from control_plane.loops.pace import repeat, spread
from control_plane.ports.due import Due
from shared import doorbell

BATCH = 500
"""Tasks released at once."""


class Delayed:
    def __init__(self, due: Due, bells: Bells, poll_s: float) -> None:
        self._due = due
        self._bells = bells
        self._poll_s = poll_s
        self._wake = asyncio.Event()
        self._sleeps_until: datetime | None = None

    def wake(self) -> None:
        """Look again now."""
        self._wake.set()

    def expect(self, run_at: datetime) -> bool:
        """A task can be claimed then. Tells whether that is sooner than the loop would look."""
        is_sooner = self._sleeps_until is None or run_at < self._sleeps_until
        if is_sooner:
            self._wake.set()
        return is_sooner

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("delayed", stop, self._release_due, wake=self._wake, jitter=0)

    async def _release_due(self) -> float:
        released = await self._due.release_delayed(BATCH)
        for queue, _ in released:
            self._bells.note(doorbell.task_runner(queue), [])
        if released:
            return 0
        ahead = await self._due.ahead()
        self._sleeps_until = ahead.next_due
        longest = spread(self._poll_s)
        if ahead.next_due is None:
            return longest
        return min(max((ahead.next_due - ahead.now).total_seconds(), 0), longest)
