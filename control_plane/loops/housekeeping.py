"""Makes next months' history partitions, forgets sessions and audit entries past their time."""

import asyncio
from datetime import timedelta

from control_plane.loops.pace import repeat
from control_plane.ports.audit import AuditLog
from control_plane.ports.due import Due

EVERY_S = 600.0
FORGET_AT_ONCE = 5_000


class Housekeeping:
    def __init__(self, due: Due, audit: AuditLog, keep_audit: timedelta) -> None:
        self._due = due
        self._audit = audit
        self._keep_audit = keep_audit

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("housekeeping", stop, self._keep)

    async def _keep(self) -> float:
        await self._due.sweep()
        gone = await self._audit.forget(self._keep_audit, FORGET_AT_ONCE)
        return 0.0 if gone == FORGET_AT_ONCE else EVERY_S
