"""
Fires what is due: `after` timers into the orchestrator, delayed tasks into their queues.

Time is the database's. The loop sleeps until the next instant the database knows of, or
until a commit of this process arms an earlier one; polling covers those of others.
"""

import asyncio
from datetime import datetime

from control_plane.loops.bells import Bells
from control_plane.loops.pace import has_error, repeat
from control_plane.orchestrator import Fire, Orchestrator, Request
from control_plane.ports.due import Due
from shared import doorbell
from shared.failpoints import failpoint

BATCH = 500
"""Timers fired in one slice: a crowd that is due at once must not hold up the rest."""


class Timers:
    def __init__(self, due: Due, orchestrator: Orchestrator, bells: Bells, poll_s: float) -> None:
        self._due = due
        self._orchestrator = orchestrator
        self._bells = bells
        self._poll_s = poll_s
        self._wake = asyncio.Event()
        self._sleeps_until: datetime | None = None

    def wake(self) -> None:
        """Look again now."""
        self._wake.set()

    def expect(self, due: datetime) -> bool:
        """Something falls due then. Tells whether that is sooner than the loop would look."""
        is_sooner = self._sleeps_until is None or due < self._sleeps_until
        if is_sooner:
            self._wake.set()
        return is_sooner

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("timers", stop, self._fire_due, wake=self._wake)

    async def _fire_due(self) -> float:
        timers = await self._due.timers(BATCH)
        answers = await self._orchestrator.submit_all(
            [
                Request(
                    tenant_id=timer.tenant_id,
                    instance_id=timer.instance_id,
                    asked=Fire(timer_id=timer.timer_id, due=timer.due),
                )
                for timer in timers
            ]
        )
        await failpoint("loop.timers.fired")
        released = await self._due.release_delayed(BATCH)
        for queue, _ in released:
            self._bells.note(doorbell.task_runner(queue), [])
        is_refused = has_error(answers)
        if (len(timers) == BATCH or released) and not is_refused:
            return 0
        # Asked also when refused: what is overdue then is no reason to be woken before.
        until_next_s = await self._until_next()
        return self._poll_s if is_refused else until_next_s

    async def _until_next(self) -> float:
        ahead = await self._due.ahead()
        self._sleeps_until = ahead.next_due
        if ahead.next_due is None:
            return self._poll_s
        return min(max((ahead.next_due - ahead.now).total_seconds(), 0), self._poll_s)
