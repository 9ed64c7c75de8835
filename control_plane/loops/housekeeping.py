"""
Makes next months' history partitions, forgets sessions, audit entries, models' words and answers
past their time.
"""

import asyncio
from datetime import timedelta

from control_plane.loops.pace import repeat
from control_plane.ports.ai_records import AiRecords
from control_plane.ports.audit import AuditLog
from control_plane.ports.due import Due

EVERY_S = 600.0
SOON_S = 1.0
"""The rest while there is more to forget than one go takes: others wait for the same disk."""

FORGET_AT_ONCE = 5_000
"""Of each kind, in a transaction of its own."""


class Housekeeping:
    def __init__(
        self,
        due: Due,
        audit: AuditLog,
        ai: AiRecords,
        *,
        keep_audit: timedelta,
        keep_answers: timedelta,
    ) -> None:
        self._due = due
        self._ai = ai
        self._audit = audit
        self._keep_audit = keep_audit
        self._keep_answers = keep_answers

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("housekeeping", stop, self._keep)

    async def _keep(self) -> float:
        await self._due.sweep()
        gone = await self._audit.forget(self._keep_audit, FORGET_AT_ONCE)
        forgotten = await self._ai.forget(FORGET_AT_ONCE)
        unsaid = await self._due.forget_answers(self._keep_answers, FORGET_AT_ONCE)
        return SOON_S if FORGET_AT_ONCE in (gone, forgotten, unsaid) else EVERY_S
