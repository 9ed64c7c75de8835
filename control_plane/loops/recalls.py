"""
Tells executors at once of attempts that were called off: those whose streams end here.

The others hear of it with their next heartbeat, and so do these if the database is away.
"""

import asyncio
from collections import deque

from control_plane.loops.pace import repeat
from control_plane.orchestrator import Hands
from control_plane.ports.claims import Claims
from control_plane.ports.instance_store import Change, TaskKey
from shared.failpoints import failpoint

MAX_NOTED = 10_000
"""Tasks of which nobody has asked yet who has them; more are left to heartbeats."""

BATCH = 500
IDLE_S = 60.0
"""There is nothing to poll for: whatever is noted wakes the loop."""


class Recalls:
    def __init__(self, claims: Claims, hands: Hands) -> None:
        self._claims = claims
        self._hands = hands
        self._noted: deque[TaskKey] = deque()
        self._wake = asyncio.Event()

    def note(self, change: Change) -> None:
        """These of its tasks are not wanted any more; somebody may be at one."""
        if not self._hands.is_empty and len(self._noted) < MAX_NOTED:
            self._noted.extend(TaskKey(*change.key, ordinal) for ordinal in change.withdrawn)
            self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("recalls", stop, self._recall, wake=self._wake)

    async def _recall(self) -> float:
        if not self._noted:
            return IDLE_S
        await failpoint("loop.recalls.noted")
        asked = [self._noted[place] for place in range(min(len(self._noted), BATCH))]
        for session_id, held in (await self._claims.holders(asked)).items():
            self._hands.recall(session_id, held)
        for _ in asked:
            self._noted.popleft()
        return 0
