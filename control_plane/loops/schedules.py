"""
Starts instances when their schedules' times have come.

Time is the database's. Any number of control planes run this loop on the same schedules: a start
is decided in one write, which one of them wins, and carried out after it; one that is decided and
not carried out, because a process died in between, is carried out by another.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from control_plane.loops.pace import has_error, repeat
from control_plane.orchestrator import Answer
from control_plane.ports.schedule_store import Found, Schedule, ScheduleKey, ScheduleStore
from control_plane.use_cases.carry_out_firings import carry_out_firings, may_pass
from control_plane.use_cases.schedule_moves import decided, settled
from control_plane.use_cases.submits import Submits
from shared.errors import FoliotError
from shared.failpoints import failpoint
from shared.telemetry.logging import get_logger
from shared.telemetry.names import LogEvent

BATCH = 200
"""Schedules looked at in one slice, each for one start."""

_log = get_logger(__name__)


class Schedules:
    def __init__(self, store: ScheduleStore, orchestrator: Submits, poll_s: float) -> None:
        self._store = store
        self._orchestrator = orchestrator
        self._poll_s = poll_s

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("schedules", stop, self.fire_due)

    async def fire_due(self) -> float:
        """One slice; tells how long there is nothing more to do."""
        found = await self._store.due(BATCH)
        if not found:
            return await self._until_next()
        # A crowd of calendars takes a while to reckon; whoever waits for an answer does not wait.
        after = await asyncio.to_thread(lambda: [_decided(one) for one in found])
        left = [one.schedule for one in found if one.schedule.firing is not None]
        kept = await self._keep(
            [
                new
                for one, new in zip(found, after, strict=True)
                if new is not None and new is not one.schedule
            ]
        )
        await failpoint("loop.schedules.decided")
        begun = [*left, *(one for one in kept if one.firing is not None)]
        came_to = await carry_out_firings(self._orchestrator, begun)
        await failpoint("loop.schedules.started")
        await self._keep(_settled(begun, came_to))
        return self._poll_s if None in after or has_error(_to_try_again(came_to)) else 0

    async def _keep(self, schedules: Sequence[Schedule]) -> list[Schedule]:
        """Those that nobody else has changed since, as they stand now."""
        kept = await self._store.put(schedules)
        return [replace(one, step=one.step + 1) for one in schedules if one.key in kept]

    async def _until_next(self) -> float:
        ahead = await self._store.ahead()
        if ahead.next_wake is None:
            return self._poll_s
        return min(max((ahead.next_wake - ahead.now).total_seconds(), 0), self._poll_s)


def _decided(found: Found) -> Schedule | None:
    """None, and it is due still, if its times cannot be reckoned here: no other waits for that."""
    schedule = found.schedule
    try:
        return decided(schedule, found.running, found.now)
    except FoliotError as error:
        _log.warning(
            LogEvent.SCHEDULE_FAILED,
            tenant_id=schedule.tenant_id,
            schedule_id=schedule.schedule_id,
            error=error.message,
        )
        return None


def _settled(
    begun: Sequence[Schedule], came_to: Mapping[ScheduleKey, Answer | FoliotError]
) -> list[Schedule]:
    after = []
    for schedule in begun:
        answer = came_to[schedule.key]
        if isinstance(answer, Answer):
            after.append(settled(schedule, answer.instance_id))
        elif not may_pass(answer):
            _log.warning(
                LogEvent.SCHEDULE_FAILED,
                tenant_id=schedule.tenant_id,
                schedule_id=schedule.schedule_id,
                error=answer.message,
            )
            after.append(settled(schedule, answer))
    return after


def _to_try_again(came_to: Mapping[ScheduleKey, Answer | FoliotError]) -> list[FoliotError]:
    return [one for one in came_to.values() if isinstance(one, FoliotError) and may_pass(one)]
