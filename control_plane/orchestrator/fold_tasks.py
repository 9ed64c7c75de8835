"""
What is said of one task: by the executor that has it, by the sweep, by a person.

Each function takes one kind of request to an answer, as those of fold.py do.
"""

from datetime import timedelta

from control_plane.engine import Redriven
from control_plane.orchestrator.answer import Answer, Verdict
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.endings import (
    end_attempt,
    fail,
    fail_or_retry,
    hand_on,
    record_start,
    record_stop,
    succeed,
)
from control_plane.orchestrator.fold import apply_inbox
from control_plane.orchestrator.fold_ai import take_choice
from control_plane.orchestrator.fold_people import check_may_end, check_no_review, check_open
from control_plane.orchestrator.request import (
    Begin,
    ChildEnded,
    Expire,
    FallSilent,
    Fire,
    Redrive,
    Report,
    Settle,
)
from control_plane.orchestrator.retrying import may_be_handed_on
from control_plane.orchestrator.separating import check_may_decide, record_decider
from control_plane.ports.instance_store import TaskUpdate
from control_plane.ports.records import Task
from shared.errors import NotFound, PreconditionFailed
from shared.ids import task_id
from shared.tasks import Failure, TaskType


def begin(draft: Draft, asked: Begin, task: Task | None) -> Answer:
    """
    Record that an attempt has started, once. A short one needs no commit of its own: its
    start is recorded with its outcome.
    """
    lease = task.lease if task is not None else None
    if (
        task is None
        or lease is None
        or task.is_closed
        or lease.epoch != asked.epoch
        or draft.is_touched(asked.ordinal)
        or draft.has_begun(task)
    ):
        return draft.answer(disposition="IGNORED")
    # Not the epoch: that of a row is the newest whose outcome was taken in.
    draft.begin(
        TaskUpdate(
            ordinal=task.ordinal,
            status="running",
            attempt=lease.attempt,
            session_id=lease.session_id,
            held_since=lease.claimed_at,
        )
    )
    record_start(draft, task, lease)
    draft.touch()
    return draft.answer()


def report(draft: Draft, asked: Report, task: Task | None) -> Answer:
    """An executor's outcome. Never raises for what the executor cannot help: the verdict says."""
    if task is None:
        return draft.answer(verdict=Verdict.REFUSED, reason="there is no such task")
    draft.follow(task)
    lease = task.lease
    if task.is_closed and lease is not None and lease.epoch == asked.epoch:
        draft.consume_lease(asked.ordinal, asked.epoch)
        record_stop(draft, task, asked.outcome)
        return draft.answer(
            verdict=Verdict.LEASE_LOST,
            reason="the task had been called off; how its attempt ended is in the history",
        )
    if (
        draft.is_touched(asked.ordinal)
        or task.is_closed
        or lease is None
        or lease.epoch != asked.epoch
    ):
        was_applied = asked.epoch in (task.epoch, draft.settled_epoch(asked.ordinal))
        return draft.answer(
            verdict=Verdict.DUPLICATE if was_applied else Verdict.LEASE_LOST, duplicate=was_applied
        )
    draft.consume_lease(asked.ordinal, asked.epoch)
    if not draft.has_begun(task):
        record_start(draft, task, lease)
    if task.type is TaskType.AI and asked.outcome.state in {"succeeded", "awaiting"}:
        take_choice(draft, task, lease, asked)
    else:
        end_attempt(draft, task, lease, asked.outcome)
    apply_inbox(draft)
    return draft.answer(verdict=Verdict.APPLIED)


def expire(draft: Draft, asked: Expire, task: Task | None) -> Answer:
    """The holder of a task vanished: hand it on, or end it if it has done so too often."""
    lease = task.lease if task is not None else None
    if (
        task is None
        or lease is None
        or task.is_closed
        or lease.epoch != asked.epoch
        or draft.is_touched(asked.ordinal)
    ):
        return draft.answer(disposition="IGNORED")
    draft.follow(task)
    draft.consume_lease(asked.ordinal, asked.epoch)
    failure = Failure(
        kind="lease.expired",
        message=f"the executor session {lease.session_id} fell silent and lost the task",
    )
    if may_be_handed_on(lease.epoch):
        hand_on(draft, task, lease, failure)
    else:
        fail(draft, task, lease, failure)
    return draft.answer()


def fall_silent(draft: Draft, asked: FallSilent, task: Task | None) -> Answer:
    """
    The attempt fails, whatever it is at: another one may follow. One that has been heard of
    since, or has ended, goes on as it is.
    """
    lease = task.lease if task is not None else None
    if (
        task is None
        or lease is None
        or task.is_closed
        or lease.epoch != asked.epoch
        or lease.silent_at is None
        or lease.silent_at > draft.now
        or draft.is_touched(asked.ordinal)
    ):
        return draft.answer(disposition="IGNORED")
    draft.follow(task)
    draft.consume_lease(asked.ordinal, asked.epoch)
    if not draft.has_begun(task):
        record_start(draft, task, lease)
    failure = Failure(
        kind="timeout.heartbeat",
        message=f"the attempt did not say for {task.heartbeat_s:g} s that it goes on; a function"
        " does so by `context.heartbeat()`",
    )
    fail_or_retry(draft, task, lease, failure, lease.attempt)
    apply_inbox(draft)
    return draft.answer()


def settle(draft: Draft, asked: Settle, task: Task | None) -> Answer:
    """Somebody who is not an executor ends a task that was theirs to end."""
    if task is None:
        raise NotFound("task", task_id(draft.before.instance_id, asked.ordinal))
    draft.cause = task.trace_parent or draft.cause
    check_may_end(draft, task, asked.person, asked.reason)
    check_open(draft, task)
    check_no_review(draft, task)
    is_well = asked.outcome.state == "succeeded"
    check_may_decide(draft, task, asked.person, asked.reason, is_well=is_well)
    if task.type is TaskType.HUMAN:
        may_be = not asked.is_callback
    else:
        may_be = asked.is_callback or draft.is_parked(task)
    if not may_be:
        raise PreconditionFailed(
            f"task {task.task_id} is a {task.type} task in an executor's hands; only a HUMAN"
            " task, or one that awaits a callback, can be completed from outside",
            reason="TASK_NOT_COMPLETABLE",
            metadata={"task_id": task.task_id, "type": task.type},
        )
    draft.clear(asked.ordinal)
    by = {"by": asked.settled_by}
    if asked.reason:
        by["reason"] = asked.reason
    if is_well:
        record_decider(draft, task, asked.person)
        succeed(draft, task, task.lease, asked.outcome.output, **by)
    else:
        failure = asked.outcome.failure or Failure(kind="human.failed", message="")
        fail_or_retry(draft, task, task.lease, failure, max(task.attempt, 1), **by)
    apply_inbox(draft)
    return draft.answer()


def hear_of_child(draft: Draft, asked: ChildEnded, task: Task | None) -> Answer:
    """The child that a task stands for has ended; told twice, it is heard once."""
    if task is None or draft.ended_as(task) is not None or draft.has_outcome_of(asked.ordinal):
        return draft.answer(disposition="IGNORED")
    draft.follow(task)
    if asked.error is None:
        succeed(draft, task, None, asked.output)
    else:
        fail(
            draft,
            task,
            None,
            Failure(
                kind=str(asked.error["kind"]),
                message=str(asked.error["message"]),
                details=asked.error["details"],
            ),
        )
    apply_inbox(draft)
    return draft.answer()


def miss_start(draft: Draft, asked: Fire, task: Task) -> Answer:
    """
    The wait for the task's beginning has ended. One that somebody has is in time; the wait of
    a paused instance's does not count, and begins anew.
    """
    draft.disarm(asked.timer_id)
    draft.touch()
    is_waiting = task.lease is None and task.status == "pending" and not task.is_closed
    if not is_waiting or draft.is_touched(task.ordinal):
        return draft.answer(disposition="IGNORED")
    limit = timedelta(seconds=task.schedule_to_start_s or 0)
    if draft.paused:
        draft.arm(asked.timer_id, draft.now + limit)
        return draft.answer(disposition="IGNORED")
    draft.follow(task)
    draft.clear(task.ordinal)
    fail(
        draft,
        task,
        None,
        Failure(
            kind="timeout.schedule_to_start",
            message=f"no executor began the task within {limit}; is one running that takes its"
            f" queue, {task.queue!r}?",
            retryable=False,
        ),
    )
    apply_inbox(draft)
    return draft.answer()


def redrive(draft: Draft, asked: Redrive, task: Task | None) -> Answer:
    """Only a task that nobody waited for can come to life again by itself."""
    if task is None:
        raise NotFound("task", task_id(draft.before.instance_id, asked.ordinal))
    if task.status != "failed":
        raise PreconditionFailed(
            f"task {task.task_id} is not dead: it is {task.status_now}",
            reason="TASK_NOT_DEAD",
            metadata={"task_id": task.task_id, "status": task.status_now.upper()},
        )
    if not task.detached:
        raise PreconditionFailed(
            f"its instance has answered the failure of task {task.task_id} and moved on; only a"
            " detached task, or that of a failed instance, can be redriven",
            reason="TASK_NOT_REDRIVABLE",
            metadata={"task_id": task.task_id},
        )
    if draft.snapshot is not None and task.ordinal in draft.snapshot.redriven:
        raise PreconditionFailed(
            f"task {task.task_id} was redriven before; look at the newest task of its instance with"
            " its idempotency_key, and redrive that if it is dead too",
            reason="TASK_NOT_DEAD",
            metadata={"task_id": task.task_id, "status": "FAILED"},
        )
    draft.repeats = {task.ordinal: task}
    event = Redriven(of=task.ordinal, name=task.name, type=task.type)
    draft.tell(event, by=asked.redriven_by, reason=asked.reason)
    return draft.answer()
