"""Applies events that were written to an inbox by somebody who could not apply them."""

import asyncio

from control_plane.loops.pace import has_error, repeat
from control_plane.orchestrator import ApplyInbox, Orchestrator, Request
from control_plane.ports.due import Due

BATCH = 500


class Inbox:
    def __init__(self, due: Due, orchestrator: Orchestrator, poll_s: float) -> None:
        self._due = due
        self._orchestrator = orchestrator
        self._poll_s = poll_s
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look again now."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("inbox", stop, self._apply, wake=self._wake)

    async def _apply(self) -> float:
        keys = await self._due.untried_inbox(BATCH)
        answers = await self._orchestrator.submit_all(
            [
                Request(tenant_id=tenant_id, instance_id=instance_id, asked=ApplyInbox())
                for tenant_id, instance_id in keys
            ]
        )
        return 0 if len(keys) == BATCH and not has_error(answers) else self._poll_s
