"""Takes tasks back from executors that fell silent, and from attempts that did."""

import asyncio
from collections.abc import Callable, Sequence

from control_plane.loops.pace import has_error, repeat
from control_plane.orchestrator import Expire, FallSilent, Orchestrator, Request
from control_plane.ports.due import Due, ExpiredLease

BATCH = 500
EVERY_S = 1.0


class Rescuer:
    def __init__(self, due: Due, orchestrator: Orchestrator) -> None:
        self._due = due
        self._orchestrator = orchestrator

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("rescuer", stop, self._rescue)

    async def _rescue(self) -> float:
        has_more = await self._take_back(await self._due.expired_leases(BATCH), Expire)
        has_more |= await self._take_back(await self._due.silent_leases(BATCH), FallSilent)
        return 0 if has_more else EVERY_S

    async def _take_back(
        self, leases: Sequence[ExpiredLease], asked: Callable[..., Expire | FallSilent]
    ) -> bool:
        """Whether there are more."""
        answers = await self._orchestrator.submit_all(
            [
                Request(
                    tenant_id=lease.tenant_id,
                    instance_id=lease.instance_id,
                    asked=asked(ordinal=lease.ordinal, epoch=lease.epoch),
                )
                for lease in leases
            ]
        )
        return len(leases) == BATCH and not has_error(answers)
