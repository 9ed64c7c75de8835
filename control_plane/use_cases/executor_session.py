"""
An executor's session, as the control plane sees it: one lease for all that it holds.

The executor extends the same session in the database itself, so that a control plane may
go away without costing a lease.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from control_plane.ports.claims import Claims
from control_plane.use_cases import fields
from shared.errors import InvalidRequest, LimitExceeded
from shared.ids import SessionId, new_uuid7
from shared.tasks import DEFAULT_QUEUE, MAX_QUEUE_NAME, TaskType

MAX_QUEUES = 64
MAX_HELD = 1_000
"""Tasks that one session may hold."""

HEARTBEATS_PER_LEASE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Who works, and what it can carry out. `within` is where in a request that stands."""

    name: str
    queues: Sequence[str]
    types: Sequence[TaskType]
    within: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An open session, and until when it is, by the database's clock."""

    session_id: SessionId
    expires_at: datetime


async def open_session(
    claims: Claims, worker: Worker, session_id: SessionId | None, lease: timedelta
) -> Session:
    """Begin a session, or go on with one."""
    check_worker(worker)
    chosen = session_id or SessionId(new_uuid7())
    expires_at = await claims.extend(chosen, worker.name, None, lease)
    return Session(session_id=chosen, expires_at=expires_at)


def check_worker(worker: Worker) -> Sequence[str]:
    """The queues to take tasks from. Raises InvalidRequest or LimitExceeded."""
    at = worker.within
    fields.required(worker.name, f"{at}executor_name", longest=fields.MAX_EXECUTOR_NAME)
    if not worker.types:
        raise InvalidRequest(
            "task_types is empty; name those you have handlers for", field=f"{at}task_types"
        )
    if len(worker.queues) > MAX_QUEUES:
        raise LimitExceeded(
            "queues", actual=len(worker.queues), maximum=MAX_QUEUES, field=f"{at}queues"
        )
    for queue in worker.queues:
        fields.required(queue, f"{at}queues", longest=MAX_QUEUE_NAME)
    return tuple(worker.queues) or (DEFAULT_QUEUE,)
