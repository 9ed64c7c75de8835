"""Vital signs from memory."""

from control_plane.adapters.memory.database import WITHHELD, MemoryDatabase
from control_plane.ports.vitals import MAX_COUNTED, Lags, Schema
from migrations import HEAD


class MemoryVitalSigns:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def lags(self) -> Lags:
        database = self._database
        inbox = [
            event.accepted_at
            for events in database.inbox.values()
            for event in events
            if event.deferred_at is None
        ]
        timers = [d for k, d in database.timers.items() if not database.is_suspended(k.tenant_id)]
        delayed = [row.run_at for row in database.delayed.values() if row.run_at < WITHHELD]
        live = sum(database.is_alive(one) for one in database.sessions)
        return Lags(
            now=database.now(),
            inbox_at=min(inbox, default=None),
            timer_at=min(timers, default=None),
            delayed_at=min(delayed, default=None),
            outbox=min(len(database.outbox), MAX_COUNTED),
            live_sessions=live,
            silent_sessions=len(database.sessions) - live,
        )

    async def schema(self) -> Schema:
        return Schema(HEAD, None)
