"""What is due, from memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from control_plane.adapters.memory.database import WITHHELD, MemoryDatabase
from control_plane.ports.due import (
    LOOK,
    NO_TIME,
    SHORTEST_MEMORY,
    Ahead,
    DueQueue,
    DueTimer,
    DueTimers,
    ExpiredLease,
)
from control_plane.ports.inbox import START
from control_plane.ports.instance_store import REQUEST_SCOPE
from control_plane.ports.records import InstanceKey

FORGET_SESSIONS_AFTER = timedelta(hours=1)
STOP_WITHIN = timedelta(minutes=1)


class MemoryDue:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def timers(self, limit: int, *, within: timedelta = NO_TIME) -> DueTimers:
        now = self._database.now()
        timers = [
            DueTimer(*key, due)
            for key, due in self._database.timers.items()
            if due <= now + within and not self._database.is_suspended(key.tenant_id)
        ]
        return DueTimers(now, sorted(timers, key=lambda one: (one.due, one.timer_id))[:limit])

    async def ahead(self) -> Ahead:
        instants = (row.run_at for row in self._database.delayed.values() if row.run_at < WITHHELD)
        return Ahead(self._database.now(), min(instants, default=None))

    async def release_delayed(self, limit: int) -> Sequence[DueQueue]:
        moved = self._database.release_delayed(limit)
        tasks = Counter(row.queue for row in moved.values())
        return [DueQueue(queue, tasks[queue]) for queue in sorted(tasks)]

    async def expired_leases(self, limit: int) -> Sequence[ExpiredLease]:
        expired = sorted(
            (
                (key, lease)
                for key, lease in self._database.leases.items()
                if not self._database.is_alive(lease.session_id)
            ),
            key=lambda found: found[1].claimed_at,
        )[:limit]
        open_ones = []
        for key, lease in expired:
            if self._database.tasks[key].is_closed:
                del self._database.leases[key]
            else:
                open_ones.append(ExpiredLease(*key, lease.epoch))
        return open_ones

    async def silent_leases(self, limit: int) -> Sequence[ExpiredLease]:
        now = self._database.now()
        silent = sorted(
            (lease.silent_at, key, lease.epoch)
            for key, lease in self._database.leases.items()
            if lease.silent_at is not None
            and lease.silent_at <= now
            and not self._database.tasks[key].is_closed
        )
        return [ExpiredLease(*key, epoch) for _, key, epoch in silent[:limit]]

    async def untried_inbox(self, limit: int, *, look: int = LOOK) -> Sequence[InstanceKey]:
        untried = sorted(
            (event.accepted_at, event.position, key, event.type)
            for key, events in self._database.inbox.items()
            for event in events
            if event.deferred_at is None
        )
        named = dict.fromkeys(key for _, _, key, kind in untried[:look] if kind != START)
        return list(named)[:limit]

    async def forget_answers(self, keep: timedelta, at_once: int) -> int:
        until = self._database.now() - max(keep, SHORTEST_MEMORY)
        old = [
            (at, key)
            for key, at in self._database.answered_at.items()
            if key.scope == REQUEST_SCOPE and at <= until
        ]
        for _, key in sorted(old, key=lambda one: one[0])[:at_once]:
            del self._database.answered_at[key], self._database.answers[key]
        return min(len(old), at_once)

    async def sweep(self) -> None:
        database = self._database
        too_late = database.now() - STOP_WITHIN
        for key in list(database.leases):
            ended = database.tasks[key].completed_at
            if ended is not None and ended <= too_late:
                del database.leases[key]
        with_leases = {lease.session_id for lease in database.leases.values()}
        long_ago = database.now() - FORGET_SESSIONS_AFTER
        for session_id, session in list(database.sessions.items()):
            if session.expires_at <= long_ago and session_id not in with_leases:
                del database.sessions[session_id]
