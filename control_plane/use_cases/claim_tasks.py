"""Hand out ready tasks to a worker that has no database connection."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from control_plane.ports.claims import Claims
from control_plane.use_cases.executor_session import (
    MAX_HELD,
    Worker,
    check_worker,
    open_session,
)
from shared.errors import InvalidRequest, LimitExceeded
from shared.ids import SessionId, TenantId
from shared.rpc import MAX_CLAIM
from shared.tasks import ClaimedTask
from shared.telemetry.metric_names import Metric
from shared.telemetry.metrics import histogram

MAX_TURNS = 10_000
"""Sessions whose place in the round of tenants is remembered; the oldest is forgotten."""


class Turns:
    """Which tenant a session was served last, so that its next claim goes on after it."""

    def __init__(self) -> None:
        self._last: OrderedDict[SessionId, TenantId] = OrderedDict()

    def after(self, session_id: SessionId) -> TenantId | None:
        return self._last.get(session_id)

    def served(self, session_id: SessionId, tasks: Sequence[ClaimedTask]) -> None:
        if not tasks:
            return
        self._last[session_id] = tasks[-1].tenant_id
        self._last.move_to_end(session_id)
        if len(self._last) > MAX_TURNS:
            self._last.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    session_id: SessionId
    expires_at: datetime
    tasks: Sequence[ClaimedTask]


async def claim_tasks(
    claims: Claims,
    turns: Turns,
    worker: Worker,
    *,
    session_id: SessionId | None,
    max_tasks: int,
    lease: timedelta,
) -> Claimed:
    """
    Up to `max_tasks` ready tasks, those due first first; none if none are ready.

    Without a session one is opened. Raises SessionExpired for one that is no more: what
    it held is others' by now, and its worker must notice.
    """
    queues = check_worker(worker)
    if max_tasks < 0:
        raise InvalidRequest(f"max_tasks {max_tasks} is negative", field="max_tasks")
    if max_tasks > MAX_CLAIM:
        raise LimitExceeded("max_tasks", actual=max_tasks, maximum=MAX_CLAIM, field="max_tasks")
    if session_id is None:
        session_id = (await open_session(claims, worker, None, lease)).session_id
    elif len(await claims.held(session_id, MAX_HELD)) + (max_tasks or 1) > MAX_HELD:
        raise LimitExceeded("tasks held by the session", actual=MAX_HELD, maximum=MAX_HELD)
    tasks = await claims.claim(
        session_id,
        queues=queues,
        types=worker.types,
        max_tasks=max_tasks or 1,
        after=turns.after(session_id),
    )
    turns.served(session_id, tasks)
    # After the claim, which refuses a session that has expired: extending would revive it.
    expires_at = await claims.extend(session_id, worker.name, None, lease)
    for task in tasks:
        wait = expires_at - lease - task.run_at
        histogram(Metric.QUEUE_SECONDS).labels(task.type).observe(max(0.0, wait.total_seconds()))
    return Claimed(session_id=session_id, expires_at=expires_at, tasks=tasks)
