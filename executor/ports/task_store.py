"""
Where claimable tasks are: what an executor may do with the database, and nothing else.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from executor.ports.control_plane import Held
from shared.errors import FoliotError
from shared.ids import SessionId
from shared.tasks import ClaimedTask, TaskType


class SessionExpired(FoliotError):
    """The session's lease has run out: what it held goes to others. Begin a new session."""

    reason = "LEASE_LOST"


class TaskStore(Protocol):
    """
    Every method raises Unavailable when the store cannot be reached, or did not answer in
    time: then it is not known whether the call had its effect.
    """

    async def extend_session(self, session_id: SessionId, name: str, lease: timedelta) -> datetime:
        """
        Open a session, or keep it alive for `lease` from now; tells until when.

        Idempotent. An extension never shortens a lease. Raises SessionExpired for a session from
        before the store was restored.
        """

    async def claim(
        self,
        session_id: SessionId,
        queues: Sequence[str],
        types: Sequence[TaskType],
        max_tasks: int,
        after: str,
    ) -> list[ClaimedTask]:
        """
        Take up to `max_tasks` ready tasks, each of which nobody else has until its session ends.

        Oldest first within a tenant, fair turns between tenants, beginning with the one
        after `after`. Never waits: answers with none if there are none. Every hand-out of a
        task has a higher epoch than the one before. Raises SessionExpired, taking nothing.
        """

    async def release(self, session_id: SessionId, tasks: Sequence[ClaimedTask]) -> int:
        """
        Give tasks back that were not begun, so that the attempt does not count. Tells how
        many were still the session's to give.
        """

    async def release_unknown(self, session_id: SessionId, known: Sequence[Held]) -> int:
        """Give back all that the session holds but for these, likewise. Tells how many it was."""

    async def close_session(self, session_id: SessionId) -> None:
        """End a session now: what it still holds can be handed to others. Idempotent."""
