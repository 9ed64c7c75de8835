"""What has been set for tenants, learnt soon after on every replica."""

import asyncio
from datetime import datetime, timedelta

from control_plane.loops.pace import repeat
from control_plane.ports.quotas import QuotaStore
from control_plane.use_cases.quotas import Quotas
from shared.ids import TenantId

MAX_AT_ONCE = 5_000
"""Rows in one look; at the start there may be as many as there are tenants."""

OVERLAP = timedelta(seconds=15)
"""
How far each look goes back before the newest row that was seen: longer than a transaction may
last, as one that began earlier may commit later.
"""


class QuotaNews:
    def __init__(self, store: QuotaStore, quotas: Quotas, poll_s: float) -> None:
        self._store = store
        self._quotas = quotas
        self._poll_s = poll_s
        self._newest: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("quotas", stop, self.look)

    async def look(self) -> float:
        """Learn what was set since the last look; returns how long to rest."""
        since = None if self._newest is None else self._newest - OVERLAP
        after = TenantId("")
        while True:
            rows = await self._store.changed(since, after, MAX_AT_ONCE)
            self._quotas.learn(rows)
            if rows:
                since, after = rows[-1].updated_at, rows[-1].tenant_id
                self._newest = since if self._newest is None else max(self._newest, since)
            if len(rows) < MAX_AT_ONCE:
                return self._poll_s
