"""A control plane in memory: for tests, and held to the same suite as the one over gRPC."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta

from executor.ports.control_plane import MAX_UNACKNOWLEDGED, Held, Instructions, Report
from shared.ids import SessionId
from shared.tasks import ClaimedTask


class MemoryControlPlane:
    """`received` is what has arrived; it is acknowledged at once, unless `is_silent`."""

    def __init__(self) -> None:
        self.received: list[Report] = []
        self.is_silent = False
        self.is_gone = False
        self._kept: dict[Held, Report] = {}
        self._acknowledged = asyncio.Event()
        self._instructions: asyncio.Future[Instructions] = (
            asyncio.get_running_loop().create_future()
        )

    @property
    def room(self) -> int:
        return MAX_UNACKNOWLEDGED - len(self._kept)

    @property
    def is_connected(self) -> bool:
        return self._instructions.done()

    def look_again(self) -> None:
        """Nothing is assigned here but by a test."""

    def report(self, report: Report) -> None:
        self.received.append(report)
        self._kept[report.held] = report
        if not self.is_silent:
            self.acknowledge()

    async def run(self, instructions: Instructions) -> None:
        self._instructions.set_result(instructions)
        await asyncio.Event().wait()

    async def flush(self, within: timedelta) -> int:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                while self._kept:
                    self._acknowledged.clear()
                    await self._acknowledged.wait()
        return len(self._kept)

    async def goodbye(self) -> None:
        self.is_gone = True

    # --- what the other side does ------------------------------------------------------

    def acknowledge(self) -> None:
        """Acknowledge whatever has arrived."""
        kept, self._kept = self._kept, {}
        self._acknowledged.set()
        if self._instructions.done():
            self._instructions.result().settle(list(kept))

    async def assign(self, session_id: SessionId, tasks: Sequence[ClaimedTask]) -> None:
        (await self._instructions).assign(session_id, tasks)

    async def cancel(self, held: Sequence[Held]) -> None:
        (await self._instructions).cancel(held)

    async def lose(self, held: Sequence[Held]) -> None:
        (await self._instructions).lose(held)
