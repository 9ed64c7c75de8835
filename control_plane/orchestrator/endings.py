"""
How attempts and tasks end, in a draft: the row, the history, and what the engine is told.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from control_plane.engine import Entry, TaskFailed, TaskSkipped, TaskSucceeded
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.retrying import load_policy
from control_plane.ports.ai_tasks import Decided
from control_plane.ports.instance_store import TaskUpdate
from control_plane.ports.records import Lease, Task, TaskStatus
from shared import json
from shared.json import Json
from shared.retry import TryAgain, after_failure
from shared.tasks import Failure, Outcome


def record_start(draft: Draft, task: Task, lease: Lease) -> None:
    draft.record(
        Entry(
            type="TASK_STARTED",
            ordinal=task.ordinal,
            payload={
                "attempt": lease.attempt,
                "epoch": lease.epoch,
                "session_id": str(lease.session_id),
                "claimed_at": lease.claimed_at.isoformat(),
            },
        )
    )


def end_attempt(draft: Draft, task: Task, lease: Lease, outcome: Outcome) -> None:
    match outcome.state:
        case "succeeded":
            succeed(draft, task, lease, outcome.output)
        case "awaiting":
            park(draft, task, lease)
        case "failed" | "cancelled":
            # Nobody asked an attempt of an open task to stop: stopping was its own idea.
            failure = outcome.failure or Failure(
                kind="attempt.cancelled", message="the attempt stopped without being asked to"
            )
            fail_or_retry(draft, task, lease, failure, lease.attempt)


def fail_or_retry(
    draft: Draft,
    task: Task,
    lease: Lease | None,
    failure: Failure,
    attempt: int,
    **by: str,
) -> None:
    """Another attempt if the policy has one, or the task's end; `by` is who said so, and why."""
    follows = after_failure(load_policy(task.retry), attempt, failure)
    if isinstance(follows, TryAgain):
        _retry(draft, task, lease, failure, follows.delay, attempt)
    else:
        fail(draft, task, lease, failure, **by)


def succeed(draft: Draft, task: Task, lease: Lease | None, output: Json, **by: str) -> None:
    _end(draft, task, lease, {"output": output, **by})


def skip(draft: Draft, task: Task, lease: Lease | None, output: Json, **by: str) -> None:
    _end(draft, task, lease, {"output": output, "skipped": True, **by})


def fail(draft: Draft, task: Task, lease: Lease | None, failure: Failure, **by: str) -> None:
    _end(draft, task, lease, {"error": failure.as_json(), **by})


def conclude(draft: Draft, ordinal: int, told: Mapping[str, Any], **holder: Any) -> None:
    """
    The task's row ends, and the engine is told: by `told["output"]` or `told["error"]`. Who did
    it, and why, is in `told["by"]` and `told["reason"]`, if it was a person; `told["skipped"]`
    says that it was passed over.
    """
    is_success = "output" in told
    is_skipped = "skipped" in told
    reviewed = draft.reviewed_by(ordinal)
    if reviewed is not None and not is_success:
        # Nobody has decided: the review ends with the AI task, by that one's failure.
        draft.decide_suggestion(Decided(reviewed, "EXPIRE", None, str(told.get("by", ""))))
        conclude(draft, reviewed, {**told, "error": {**told["error"], "kind": "ai.expired"}})
        return
    ended: TaskStatus = "skipped" if is_skipped else "succeeded"
    draft.end_offers(ordinal)
    known = None if draft.snapshot is None else draft.snapshot.tasks.get(ordinal)
    draft.update_task(
        TaskUpdate(
            ordinal=ordinal,
            status=ended if is_success else "failed",
            type=None if known is None else known.type,
            output=json.dump(told["output"]) if is_success else None,
            error=None if is_success else json.dump(told["error"]),
            completed_at=draft.now,
            **holder,
        )
    )
    by, reason = told.get("by", ""), told.get("reason", "")
    if is_skipped:
        skipped = TaskSkipped(ordinal=ordinal, output=told["output"])
        draft.tell(skipped, by=by, reason=reason)
    elif is_success:
        succeeded = TaskSucceeded(ordinal=ordinal, output=told["output"])
        draft.tell(succeeded, by=by, reason=reason)
    else:
        draft.tell(TaskFailed(ordinal=ordinal, error=told["error"]), by=by, reason=reason)


def record_stop(draft: Draft, task: Task, outcome: Outcome) -> None:
    """A task that was called off has been stopped, or was done before it heard of that."""
    told: dict[str, Json] = {"state": outcome.state}
    if outcome.state == "succeeded":
        told["output"] = outcome.output
    elif outcome.failure is not None:
        told["error"] = outcome.failure.as_json()
    draft.record(Entry(type="TASK_STOPPED", ordinal=task.ordinal, payload=told))
    draft.touch()


def hand_on(draft: Draft, task: Task, lease: Lease, failure: Failure) -> None:
    """The attempt does not count. Nothing was heard of its epoch, and nothing will be accepted."""
    now = timedelta(0)
    update = TaskUpdate(
        ordinal=task.ordinal,
        status="pending",
        lost_epoch=lease.epoch,
        error=json.dump(failure.as_json()),
    )
    draft.requeue(task, update, now, attempt=lease.attempt - 1, epoch=lease.epoch)
    _record_retry(draft, task, failure, now, lease.attempt)


def _end(draft: Draft, task: Task, lease: Lease | None, told: dict[str, Json]) -> None:
    """
    While the instance is paused, how the task ended is kept for it. The row stays open, with
    nobody, until the history can say so too.
    """
    if not draft.paused:
        conclude(draft, task.ordinal, told, **_holder(lease))
        return
    draft.park(TaskUpdate(ordinal=task.ordinal, status="running", **_holder(lease)))
    draft.touch()
    draft.put_by({"ordinal": task.ordinal, **told})


def park(draft: Draft, task: Task, lease: Lease) -> None:
    """The task stays open, with somebody who is not an executor."""
    draft.park(TaskUpdate(ordinal=task.ordinal, status="running", **_holder(lease)))
    draft.touch()


def _retry(
    draft: Draft, task: Task, lease: Lease | None, failure: Failure, delay: timedelta, attempt: int
) -> None:
    """The attempt counts, and so does its epoch: the same outcome again is a duplicate."""
    update = TaskUpdate(
        ordinal=task.ordinal,
        status="pending",
        error=json.dump(failure.as_json()),
        **_holder(lease),
    )
    epoch = max(task.epoch, task.lost_epoch) if lease is None else lease.epoch
    draft.requeue(task, update, delay, attempt=attempt, epoch=epoch)
    _record_retry(draft, task, failure, delay, attempt)


def _record_retry(
    draft: Draft, task: Task, failure: Failure, delay: timedelta, attempt: int
) -> None:
    draft.record(
        Entry(
            type="TASK_RETRY_SCHEDULED",
            ordinal=task.ordinal,
            payload={
                "attempt": attempt,
                "max_attempts": task.max_attempts,
                "error": failure.as_json(),
                "run_at": (draft.now + delay).isoformat(),
            },
        )
    )
    draft.touch()


def _holder(lease: Lease | None) -> dict[str, Any]:
    """The columns of a task that say who had it last; none where nobody had."""
    if lease is None:
        return {}
    return {
        "attempt": lease.attempt,
        "epoch": lease.epoch,
        "session_id": lease.session_id,
        "held_since": lease.claimed_at,
    }
