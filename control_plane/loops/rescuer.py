"""Takes tasks back from executors that fell silent."""

import asyncio

from control_plane.loops.pace import has_error, repeat
from control_plane.orchestrator import Expire, Orchestrator, Request
from control_plane.ports.due import Due

BATCH = 500
EVERY_S = 1.0


class Rescuer:
    def __init__(self, due: Due, orchestrator: Orchestrator) -> None:
        self._due = due
        self._orchestrator = orchestrator

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("rescuer", stop, self._rescue)

    async def _rescue(self) -> float:
        expired = await self._due.expired_leases(BATCH)
        answers = await self._orchestrator.submit_all(
            [
                Request(
                    tenant_id=lease.tenant_id,
                    instance_id=lease.instance_id,
                    asked=Expire(ordinal=lease.ordinal, epoch=lease.epoch),
                )
                for lease in expired
            ]
        )
        return 0 if len(expired) == BATCH and not has_error(answers) else EVERY_S
