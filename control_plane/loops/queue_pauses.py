"""
Which queues are paused, as far as it is known here: since the last look.

Claims know by themselves. This is for the tasks that control planes hand out without a claim, and
rings for what has waited when a queue is resumed.
"""

import asyncio

from control_plane.loops.bells import Bells
from control_plane.loops.pace import repeat
from control_plane.ports.queues import QueueStore
from shared import doorbell


class QueuePauses:
    def __init__(self, store: QueueStore, bells: Bells, poll_s: float) -> None:
        self._store = store
        self._bells = bells
        self._poll_s = poll_s
        self._paused: frozenset[str] = frozenset()
        self._wake = asyncio.Event()

    def has(self, queue: str) -> bool:
        return queue in self._paused

    def wake(self) -> None:
        """Something was paused or resumed here: look at once."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("queue_pauses", stop, self.look, wake=self._wake)

    async def look(self) -> float:
        """Learn which are paused; returns how long to rest."""
        before = self._paused
        self._paused = frozenset(one.queue for one in await self._store.paused())
        for queue in before - self._paused:
            self._bells.note(doorbell.task_runner(queue), [])
        return self._poll_s
