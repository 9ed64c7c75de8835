"""The task store in memory: for tests, and held to the same suite as the one in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from executor.ports.clock import Clock
from executor.ports.control_plane import Held
from executor.ports.task_store import SessionExpired
from shared.ids import SessionId
from shared.tasks import ClaimedTask, TaskType


@dataclass(slots=True, kw_only=True)
class _Lease:
    task: ClaimedTask
    session_id: SessionId


class MemoryTaskStore:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[SessionId, datetime] = {}
        self._ready: list[ClaimedTask] = []
        self._leases: dict[str, _Lease] = {}

    def make_ready(self, tasks: Sequence[ClaimedTask]) -> None:
        """Let tasks be claimed; their attempt and epoch are those of the last hand-out."""
        self._ready.extend(tasks)

    def expire(self, session_id: SessionId) -> None:
        """Let a session's lease have run out."""
        self._sessions[session_id] = self._clock.now()

    async def extend_session(
        self,
        session_id: SessionId,
        name: str,  # noqa: ARG002 - for people who look at the database
        lease: timedelta,
    ) -> datetime:
        until = self._clock.now() + lease
        self._sessions[session_id] = max(until, self._sessions.get(session_id, until))
        return self._sessions[session_id]

    async def claim(
        self,
        session_id: SessionId,
        queues: Sequence[str],
        types: Sequence[TaskType],
        max_tasks: int,
        after: str,
    ) -> list[ClaimedTask]:
        if self._sessions.get(session_id, self._clock.now()) <= self._clock.now():
            raise SessionExpired(f"executor session {session_id} has expired or was never opened")
        fitting: dict[str, list[ClaimedTask]] = {}
        for task in sorted(self._ready, key=lambda one: one.run_at):
            if task.queue in queues and task.type in types and task.run_at <= self._clock.now():
                fitting.setdefault(task.tenant_id, []).append(task)
        turns = sorted(fitting, key=lambda tenant: (tenant <= after, tenant))[:max_tasks]
        share = -(-max_tasks // len(turns)) if turns else 0
        picked = [task for tenant in turns for task in fitting[tenant][:share]][:max_tasks]
        return [self._hand_out(task, session_id) for task in picked]

    async def release(self, session_id: SessionId, tasks: Sequence[ClaimedTask]) -> int:
        released = 0
        for task in tasks:
            lease = self._leases.get(task.task_id)
            if (
                lease is not None
                and lease.session_id == session_id
                and Held.of(lease.task) == Held.of(task)
            ):
                del self._leases[task.task_id]
                self._ready.append(replace(lease.task, attempt=lease.task.attempt - 1))
                released += 1
        return released

    async def release_unknown(self, session_id: SessionId, known: Sequence[Held]) -> int:
        unknown = [
            lease.task
            for lease in self._leases.values()
            if lease.session_id == session_id and Held.of(lease.task) not in known
        ]
        return await self.release(session_id, unknown)

    async def close_session(self, session_id: SessionId) -> None:
        self._sessions.pop(session_id, None)

    def _hand_out(self, task: ClaimedTask, session_id: SessionId) -> ClaimedTask:
        self._ready.remove(task)
        claimed = replace(task, attempt=task.attempt + 1, epoch=task.epoch + 1)
        self._leases[task.task_id] = _Lease(task=claimed, session_id=session_id)
        return claimed
