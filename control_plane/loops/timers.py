"""
Fires timers at their instants, which are the database's.

The next seconds' timers are in memory: looked up regularly, and told by this process's own
commits. So nobody asks the database at an instant what is due, and a crowd that is due at
once begins to move at once. Every replica does the same; a timer fires once, as the turn
that applies it takes it away, and those that come second change nothing.
"""

import asyncio
import random
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from control_plane.loops.database_clock import DatabaseClock
from control_plane.loops.near_future import NearFuture, TimerKey, key_of
from control_plane.loops.pace import has_error, repeat, spread
from control_plane.orchestrator import Answer, Fire, Orchestrator, Request
from control_plane.ports.due import Due, DueTimer
from control_plane.ports.records import InstanceKey
from shared.errors import FoliotError
from shared.failpoints import failpoint
from shared.telemetry.logging import get_logger
from shared.telemetry.names import LogEvent

SLICE = 200
"""Timers fired together; as many as a turn takes."""

SLICES = 3
"""Under way at once: every turn finds the next slice waiting, and a request from outside waits
behind no more than these."""

CROWD = 2_000
"""Timers that are shuffled among one another when so many are due."""

FORESEEN = timedelta(seconds=1)
"""How long before its instant it is decided what a crowd will do. Not for single timers: most are
deadlines, which come to nothing."""

AT_ONCE = timedelta(milliseconds=50)
"""Within so long are the instants of a crowd."""

MOST = 10_000
"""Timers looked up at once. The rest of a larger crowd is looked up when these have fired."""

_log = get_logger(__name__)


class Timers:
    def __init__(self, due: Due, orchestrator: Orchestrator, poll_s: float) -> None:
        self._due = due
        self._orchestrator = orchestrator
        self._poll_s = poll_s
        # A look is late by jitter at most, so it comes well before the horizon of the last one.
        self._ahead = timedelta(seconds=2 * poll_s)
        self._wake = asyncio.Event()
        self.clock = DatabaseClock()
        """Looked at every `poll_s`, by the time of this loop."""
        self.looked = asyncio.Event()
        """Set once that was for the first time."""
        self._near = NearFuture()
        self._crowd: deque[DueTimer] = deque()
        self._slices = 0
        self._firing: set[TimerKey] = set()
        self._fired_since_look: set[TimerKey] = set()
        self._ignored: dict[TimerKey, datetime] = {}
        self._left_over: dict[TimerKey, datetime] = {}
        self._look_at = 0.0
        self._rests_until = 0.0
        self._foreseen_until: datetime | None = None
        self._sleeps_until: datetime | None = None
        self._seed = random.getrandbits(64)

    def wake(self) -> None:
        """Somebody else armed a timer that may be due before the next look: look now."""
        self._look_at = 0.0
        self._wake.set()

    def changed(
        self, key: InstanceKey, armed: Mapping[str, datetime], disarmed: Iterable[str]
    ) -> bool:
        """A commit of this process did that. Tells whether it was to sleep for longer."""
        self._near.disarm(key, disarmed)
        is_sooner = False
        for timer_id, due in armed.items():
            if self._near.arm(key, timer_id, due):
                is_sooner |= self._sleeps_until is None or due < self._sleeps_until
        if is_sooner:
            self._wake.set()
        return is_sooner

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as slices:
            await repeat("timers", stop, partial(self._round, slices), wake=self._wake, jitter=0)

    async def _round(self, slices: asyncio.TaskGroup) -> float:
        """Look if it is time to, fire what is due; tells for how long there is nothing to do."""
        loop = asyncio.get_running_loop()
        # A crowd goes first: a look would find the same one.
        if not self.clock.is_known or (not self._crowd and loop.time() >= self._look_at):
            await self._look()
        now = loop.time()
        while self._slices < SLICES and now >= self._rests_until:
            due = self._take_slice(self.clock.at(now))
            if not due:
                break
            self._slices += 1
            self._firing.update(map(key_of, due))
            slices.create_task(self._fire(due))
        await self._foresee(now)
        until = self._nothing_until(loop.time())
        self._sleeps_until = self.clock.at(until)
        return max(until - loop.time(), 0)

    def _nothing_until(self, now: float) -> float:
        """When there is something to do, by the loop's clock, unless a wake comes before."""
        if self._crowd:
            # The end of a slice wakes.
            return now + self._poll_s
        next_due = self._near.next_due
        if next_due is None or self._slices >= SLICES:
            return self._look_at
        until_due = next_due - self.clock.at(now)
        if not self._is_foreseen(next_due):
            until_due -= FORESEEN
        fires_at = now + until_due.total_seconds()
        return min(max(fires_at, self._rests_until), self._look_at)

    def _is_foreseen(self, due: datetime) -> bool:
        return self._foreseen_until is not None and due <= self._foreseen_until

    async def _foresee(self, now: float) -> None:
        """If a crowd is about to be due, have it decided what it will do."""
        due, instant = self._near.next_due, self.clock.at(now)
        if due is None or self._is_foreseen(due) or due - FORESEEN > instant:
            return
        self._foreseen_until = due + AT_ONCE
        if due <= instant or self._slices:
            return
        timers = self._near.due_until(self._foreseen_until, CROWD)
        loop = asyncio.get_running_loop()
        took = 0.0
        # What would not be ready at the instant would hold up those that are.
        while len(timers) >= SLICE and self.clock.at(loop.time() + took) < due:
            began = loop.time()
            await self._orchestrator.foresee(
                {key_of(one)[0]: Fire(timer_id=one.timer_id, due=one.due) for one in timers[:SLICE]}
            )
            del timers[:SLICE]
            took = loop.time() - began

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        ignored, self._ignored = self._ignored, {}
        self._fired_since_look.clear()
        found = await self._due.timers(MOST, within=self._ahead)
        self.clock.observe(found.now, loop.time())
        self.looked.set()
        is_all = len(found.timers) < MOST
        self._near.look_up(
            found.timers,
            found.now + self._ahead if is_all else found.timers[-1].due,
            but_for=self._firing | self._fired_since_look | set(map(key_of, self._crowd)),
        )
        for timer in found.timers:
            if ignored.get(key_of(timer)) == timer.due:
                self._left_over[key_of(timer)] = timer.due
        self._look_at = loop.time() + spread(self._poll_s)

    def _take_slice(self, now: datetime) -> Sequence[DueTimer]:
        """
        The next ones that are due. Of many that are due at once each replica has an order of
        its own, so that they do not all try the same ones; an instance's stay in order.
        """
        if not self._crowd:
            crowd = self._near.take_due(now, CROWD)
            if len(crowd) > SLICE:
                crowd.sort(key=lambda timer: hash((self._seed, timer.instance_id)))
            self._crowd.extend(crowd)
            if not crowd and self._near.horizon is not None and now >= self._near.horizon:
                self.wake()
        return [self._crowd.popleft() for _ in range(min(SLICE, len(self._crowd)))]

    async def _fire(self, timers: Sequence[DueTimer]) -> None:
        try:
            is_refused = await self._fire_all(timers)
        except (FoliotError, OSError) as error:
            _log.warning(LogEvent.LOOP_FAILED, loop="timers", error=str(error))
            is_refused = True
        if is_refused:
            # What met an error is due still: a look finds it again.
            self._crowd.clear()
            self._rests_until = asyncio.get_running_loop().time() + spread(self._poll_s)
        self._firing.difference_update(map(key_of, timers))
        self._slices -= 1
        self._wake.set()

    async def _fire_all(self, timers: Sequence[DueTimer]) -> bool:
        """Tells whether one of them met an error."""
        answers: Sequence[Answer | FoliotError] = await self._orchestrator.submit_all(
            [
                Request(
                    tenant_id=timer.tenant_id,
                    instance_id=timer.instance_id,
                    asked=Fire(
                        timer_id=timer.timer_id,
                        due=timer.due,
                        is_left_over=self._left_over.pop(key_of(timer), None) == timer.due,
                    ),
                )
                for timer in timers
            ]
        )
        await failpoint("loop.timers.fired")
        for timer, answer in zip(timers, answers, strict=True):
            if isinstance(answer, FoliotError):
                continue
            if answer.disposition == "DEFERRED":
                # The database's clock was set back: what it says now is what counts.
                self.clock.forget()
                continue
            self._fired_since_look.add(key_of(timer))
            if answer.disposition == "IGNORED":
                self._ignored[key_of(timer)] = timer.due
        return has_error(answers)
