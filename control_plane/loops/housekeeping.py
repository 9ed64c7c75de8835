"""Makes next months' history partitions, and forgets sessions long gone."""

import asyncio

from control_plane.loops.pace import repeat
from control_plane.ports.due import Due

EVERY_S = 600.0


class Housekeeping:
    def __init__(self, due: Due) -> None:
        self._due = due

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("housekeeping", stop, self._keep)

    async def _keep(self) -> float:
        await self._due.sweep()
        return EVERY_S
