"""
Takes work in: woken by the doorbell or by its own poll, claims as much as there is room
for, and claims again until there is none.
"""

import asyncio
import random
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta

from executor import meters
from executor.attempts import Attempts
from executor.lease import Lease
from executor.ports.doorbell import Doorbell
from executor.ports.task_store import SessionExpired, TaskStore
from shared.doorbell import Ring, task_runner
from shared.errors import Unavailable
from shared.retry import RetryPolicy, backoff
from shared.tasks import TaskType
from shared.telemetry.logging import Throttle, get_logger
from shared.telemetry.names import LogEvent

POLL_JITTER = 0.2
"""The share by which polls are early or late, so that executors do not poll in step."""

MAX_CLAIM = 200
"""How many tasks one claim takes at most: it bounds the claim's time and its answer's size."""

RETRY = RetryPolicy(initial=timedelta(milliseconds=100), cap=timedelta(seconds=5), jitter=0.5)

_log = get_logger(__name__)


class Intake:
    def __init__(
        self,
        store: TaskStore,
        lease: Lease,
        attempts: Attempts,
        doorbell: Doorbell,
        *,
        queues: Sequence[str],
        types: Sequence[TaskType],
        poll: timedelta,
    ) -> None:
        self._store = store
        self._lease = lease
        self._attempts = attempts
        self._doorbell = doorbell
        self._queues = tuple(queues)
        self._types = tuple(types)
        self._poll = poll
        self._rung = asyncio.Event()
        self._look_by = 0.0
        self._after = ""
        self._complaint = Throttle()

    async def on_ring(self, _: Ring) -> None:
        """Look for work now. Several rings at once are one look."""
        self._rung.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Claim until `stop` is set."""
        failures = 0
        while not stop.is_set():
            self._rung.clear()
            self._attempts.freed.clear()
            wanted = min(self._attempts.spare, MAX_CLAIM)
            if wanted == 0:
                await self._until(stop, self._attempts.freed, self._rung, within=self._soon())
                # Without room for as long as a poll it does not know what waits. It may be full
                # of instances that go on and on, and no bell may have come through.
                if self._rung.is_set() or time.monotonic() >= self._look_by:
                    self._attempts.has_backlog = True
                    await self._until(stop, self._attempts.freed, within=self._soon())
                await self._give_back()
            elif not self._lease.is_valid:
                await self._until(stop, self._rung, within=self._soon())
            else:
                try:
                    claimed = await self._claim(wanted)
                    self._look_by = time.monotonic() + self._soon().total_seconds()
                    failures = 0
                except Unavailable as error:
                    failures += 1
                    if self._complaint.allows():
                        _log.warning(LogEvent.DATABASE_UNAVAILABLE, error=error.message)
                    await self._until(stop, within=backoff(RETRY, failures))
                    continue
                # One that came back short has left nothing, but for what came since and, now
                # and then, what fairness between tenants kept: the next round takes that.
                self._attempts.has_backlog = claimed == wanted
                if claimed == wanted:
                    await self._pass_on()
                if claimed == 0:
                    await self._until(stop, self._rung, within=self._soon())

    async def _claim(self, wanted: int) -> int:
        session_id = self._lease.session_id
        began = time.monotonic()
        try:
            tasks = await self._store.claim(
                session_id, self._queues, self._types, wanted, self._after
            )
        except SessionExpired:
            if session_id == self._lease.session_id:
                self._lease.lose()
            return 0
        except Unavailable:
            # The claim may have been carried out, and then nobody knows of its tasks.
            self._lease.doubt(session_id)
            raise
        meters.claimed(time.monotonic() - began, len(tasks))
        if tasks:
            self._after = last_served([task.tenant_id for task in tasks], self._after)
            if session_id == self._lease.session_id:
                self._attempts.assign(session_id, tasks)
            else:
                # It was given up meanwhile, and may have given these back as unknown already.
                await self._store.release(session_id, tasks)
        return len(tasks)

    async def _give_back(self) -> None:
        """
        A claim and a control plane may have filled the same room. What has waited here for a
        poll is for others to begin: ours may take for ever.
        """
        waiting = self._attempts.take_waiting(self._poll)
        for session_id in dict.fromkeys(one.session_id for one in waiting):
            tasks = [one.task for one in waiting if one.session_id == session_id]
            try:
                await self._store.release(session_id, tasks)
            except Unavailable:
                # Nobody knows of them now, while the session lives that holds them.
                self._lease.doubt(session_id)
        if waiting:
            await self._pass_on()

    async def _pass_on(self) -> None:
        """There may be more than we have room for: wake somebody else too."""
        for queue in self._queues:
            await self._doorbell.ring(task_runner(queue), ())

    def _soon(self) -> timedelta:
        chance = random.uniform(1 - POLL_JITTER, 1 + POLL_JITTER)  # noqa: S311 - spreads load
        return self._poll * chance

    @staticmethod
    async def _until(*events: asyncio.Event, within: timedelta | None = None) -> None:
        """Wait for one of the events, or for so long."""
        waiters = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(
                waiters,
                timeout=None if within is None else within.total_seconds(),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for waiter in waiters:
                waiter.cancel()


def last_served(tenant_ids: Iterable[str], after: str) -> str:
    """
    Where the round between tenants stopped, which began after `after` and may have
    come past the last tenant to the first again.
    """
    served = set(tenant_ids)
    return max((one for one in served if one <= after), default=max(served))
