"""
Rings for what limits hold back, as soon as there is room again.

A slot becomes free by a commit, which asks here whom to ring for; a rate's tokens come by
themselves, at instants that claims have noted. What rings for nobody, or not at all, costs a
claim or waits for an executor's poll.
"""

import asyncio
import time
from collections.abc import Mapping

from control_plane.loops.bells import Bells
from control_plane.loops.pace import repeat
from control_plane.ports.limit_store import LimitStore
from shared import doorbell
from shared.ids import TenantId

LOOK_AGAIN_S = 0.05
"""How soon to look again while tokens are waited for: claims note no instants nearer than this."""

STAYS_QUICK_S = 2.0
"""How long after the last wait, as the next one may begin at any moment."""

FORGET_EVERY_S = 60.0


class Limits:
    def __init__(self, store: LimitStore, bells: Bells, poll_s: float) -> None:
        self._store = store
        self._bells = bells
        self._poll_s = poll_s
        self._waiting: Mapping[TenantId, frozenset[str]] = {}
        self._quick_until = 0.0
        self._learn_at = 0.0
        self._forget_at = 0.0

    def has_any(self, tenant_id: TenantId) -> bool:
        """Whether the tenant has limits, as far as it is known here: since the last look."""
        return tenant_id in self._waiting

    def ended(self, tenant_id: TenantId) -> None:
        """An attempt of the tenant's has ended: there may be room for another."""
        for queue in self._waiting.get(tenant_id, ()):
            self._bells.note(doorbell.task_runner(queue), [])

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("limits", stop, self._look)

    async def _look(self) -> float:
        woken = await self._store.woken()
        for queue in woken.queues:
            self._bells.note(doorbell.task_runner(queue), [])
        now = time.monotonic()
        if woken.queues or woken.next_at is not None:
            self._quick_until = now + STAYS_QUICK_S
        if now >= self._learn_at:
            await self._learn()
            self._learn_at = now + self._poll_s
        if now >= self._forget_at:
            await self._store.forget()
            self._forget_at = now + FORGET_EVERY_S
        return LOOK_AGAIN_S if now < self._quick_until else self._poll_s

    async def _learn(self) -> None:
        """Where tasks are held back; what is new may have room by now, and nobody rang for it."""
        before, self._waiting = self._waiting, await self._store.waiting()
        for tenant_id, queues in self._waiting.items():
            for queue in queues - before.get(tenant_id, frozenset()):
                self._bells.note(doorbell.task_runner(queue), [])
