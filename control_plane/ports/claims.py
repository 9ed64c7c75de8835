"""Claiming on behalf of workers that have no database connection."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from control_plane.ports.instance_store import TaskKey
from control_plane.ports.records import JsonText
from shared.errors import Conflict
from shared.ids import InstanceId, SessionId, TenantId
from shared.tasks import ClaimedTask, TaskType


class HeldTask(NamedTuple):
    instance_id: InstanceId
    ordinal: int
    epoch: int


class Beat(NamedTuple):
    """
    An attempt has said that it goes on, and what it is at; None says nothing of that, and leaves
    what it said before.
    """

    tenant_id: TenantId
    task: HeldTask
    progress: JsonText | None


class SessionExpired(Conflict):
    """The session expired or was never opened; what it held is others' now. Begin a new one."""

    reason = "LEASE_LOST"


class Claims(Protocol):
    async def extend(
        self, session_id: SessionId, name: str, tenant_id: TenantId | None, ttl: timedelta
    ) -> datetime:
        """
        Open a session, or keep it alive; tells until when, by the database's clock.

        Raises SessionExpired for one from before the database was restored.
        """

    async def claim(
        self,
        session_id: SessionId,
        *,
        queues: Sequence[str],
        types: Sequence[TaskType],
        max_tasks: int,
        after: TenantId | None,
    ) -> Sequence[ClaimedTask]:
        """Hand ready tasks to the session, fairly between tenants. Raises SessionExpired."""

    async def held(self, session_id: SessionId, limit: int) -> frozenset[HeldTask]:
        """What the session holds now."""

    async def still_held(
        self, tasks: Sequence[tuple[TenantId, HeldTask]]
    ) -> frozenset[tuple[TenantId, HeldTask]]:
        """
        Those whose lease is still at that epoch. Not asked by session: an executor that began
        a new one may be carrying out what its former one still holds.
        """

    async def beat(self, beats: Sequence[Beat]) -> None:
        """Attempts have said that they go on. Who is not at its epoch any more is not heard."""

    async def holders(self, tasks: Sequence[TaskKey]) -> Mapping[SessionId, Sequence[HeldTask]]:
        """Which sessions hold which of these, closed ones too, whether they live or not."""

    async def close(self, session_id: SessionId) -> None:
        """End the session: what it holds is ready for others after the next sweep."""
