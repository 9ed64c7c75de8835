"""
The executor's life: open a session, work, drain, close. What runs beside what, and the
order in which it ends.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from executor.attempts import Attempts, Unbegun
from executor.intake import Intake
from executor.lease import Lease
from executor.meters import ExecutorVitals
from executor.ports.control_plane import ControlPlane
from executor.ports.doorbell import Doorbell
from executor.ports.task_store import TaskStore
from shared.doorbell import task_runner
from shared.errors import Unavailable
from shared.tasks import TaskType
from shared.telemetry.logging import get_logger
from shared.telemetry.names import LogEvent

FLUSH_WITHIN = timedelta(seconds=10)
"""How long to wait, at the end, for outcomes to be acknowledged."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """What was left when the executor ended: nothing, if all went well."""

    unacknowledged: int
    abandoned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorPlane:
    store: TaskStore
    control_plane: ControlPlane
    doorbell: Doorbell
    lease: Lease
    attempts: Attempts
    intake: Intake
    name: str
    queues: Sequence[str]
    types: Sequence[TaskType]
    grace: timedelta
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it takes no more tasks."""

    async def run(self, stop: asyncio.Event) -> Farewell | None:
        """Work until `stop` is set, then drain. None if it was set before work began."""
        if not await self._open(stop):
            return None
        async with asyncio.TaskGroup() as loops:
            background = [
                loops.create_task(self.lease.run()),
                loops.create_task(self.control_plane.run(self.attempts)),
                loops.create_task(
                    self.doorbell.listen(
                        [task_runner(queue) for queue in self.queues], self.intake.on_ring, stop
                    )
                ),
            ]
            _log.info(
                LogEvent.EXECUTOR_READY,
                name=self.name,
                session_id=str(self.lease.session_id),
                queues=list(self.queues),
                task_types=[str(type_) for type_ in self.types],
            )
            await self.intake.run(stop)
            farewell = await self._drain()
            for task in background:
                task.cancel()
        return farewell

    def vitals(self, slots: int) -> ExecutorVitals:
        """What it tells of itself; so many tasks it carries out at once."""
        return ExecutorVitals(
            self.lease,
            self.attempts,
            self.control_plane,
            slots=slots,
            is_draining=self.draining.is_set,
        )

    async def _open(self, stop: asyncio.Event) -> bool:
        opening = asyncio.ensure_future(self.lease.open())
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
        opening.cancel()
        stopping.cancel()
        return not stop.is_set()

    async def _drain(self) -> Farewell:
        self.draining.set()
        _log.info(
            LogEvent.EXECUTOR_DRAINING,
            running=self.attempts.count,
            grace_s=self.grace.total_seconds(),
        )
        unbegun = await self.attempts.drain(self.grace)
        released = await self._release(unbegun)
        unacknowledged = await self.control_plane.flush(FLUSH_WITHIN)
        await self.control_plane.goodbye()
        await self.lease.close()
        farewell = Farewell(unacknowledged=unacknowledged, abandoned=self.attempts.count)
        _log.info(
            LogEvent.EXECUTOR_STOPPED,
            released=released,
            unacknowledged=farewell.unacknowledged,
            abandoned=farewell.abandoned,
        )
        return farewell

    async def _release(self, unbegun: Sequence[Unbegun]) -> int:
        released = 0
        try:
            for session_id in {one.session_id for one in unbegun}:
                tasks = [one.task for one in unbegun if one.session_id == session_id]
                released += await self.store.release(session_id, tasks)
        except Unavailable as error:
            # They come back when the session's lease has run out.
            _log.warning(LogEvent.DATABASE_UNAVAILABLE, error=error.message)
        return released
