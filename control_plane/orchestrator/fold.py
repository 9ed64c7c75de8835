"""
Apply what is asked of one instance to its draft, in the order it was asked.

Each function takes one kind of request to an answer, or raises the error its sender gets.
A request that raises has changed nothing, unless its refusal is itself worth recording.
"""

from datetime import timedelta
from typing import Any

from control_plane.engine import (
    Cancelled,
    Entry,
    EventNotAccepted,
    ExpressionFailed,
    InstanceClosed,
    Received,
    Refusal,
    Started,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
)
from control_plane.engine import LimitExceeded as EngineLimit
from control_plane.orchestrator.answer import Answer, Verdict
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.request import (
    Begin,
    Cancel,
    Expire,
    Fire,
    Report,
    Send,
    Settle,
    Start,
)
from control_plane.orchestrator.settle import (
    TryAgain,
    after_failure,
    load_policy,
    may_be_handed_on,
)
from control_plane.ports.instance_store import NewAnswer, StoredAnswer, TaskUpdate
from control_plane.ports.records import Lease, Task
from shared import json
from shared.errors import (
    AlreadyExists,
    Conflict,
    FoliotError,
    LimitExceeded,
    NotFound,
    PreconditionFailed,
)
from shared.ids import task_id
from shared.json import Json
from shared.tasks import Failure, Outcome, TaskType

MAX_DEFERRED = 1_000
"""Events an instance may keep for later."""


def start(draft: Draft, asked: Start) -> Answer:
    decision = draft.tell(Started(input=asked.input))
    if decision.refusal is not None:
        raise refused(decision.refusal)
    return draft.answer(created=True)


def send(draft: Draft, asked: Send, known: StoredAnswer | None) -> Answer:
    scope = str(draft.before.instance_id)
    fingerprint = json.digest(json.dump([asked.type, asked.payload]))
    if asked.event_id:
        repeated = _repeated(draft, scope, asked.event_id, fingerprint, known)
        if repeated is not None:
            return repeated
    _check_open(draft)
    _check_revision(draft, asked.expected_revision)
    apply_inbox(draft)
    if draft.paused:
        _check_inbox(draft)
        draft.touch()
        draft.defer(asked.event_id, asked.type, asked.payload)
        answer = draft.answer(disposition="DEFERRED")
    else:
        decision = draft.tell(
            Received(type=asked.type, payload=asked.payload, event_id=asked.event_id)
        )
        if decision.refusal is not None:
            raise refused(decision.refusal)
        if decision.disposition == "DEFERRED":
            _check_inbox(draft)
            draft.defer(asked.event_id, asked.type, asked.payload)
        else:
            apply_inbox(draft)
        answer = draft.answer(disposition=decision.disposition)
    if asked.event_id:
        draft.remember(
            NewAnswer(
                scope=scope, key=asked.event_id, fingerprint=fingerprint, answer=answer.stored()
            )
        )
    return answer


def apply_inbox(draft: Draft) -> None:
    """
    Apply what was kept for later, in accepted order, before anything newer.

    After each event that moved the instance the earliest is tried again: a state that
    could not take it may have given way to one that can.
    """
    if draft.paused:
        return
    index = 0
    while index < len(draft.inbox) and not draft.is_closed:
        event = draft.inbox[index]
        decision = draft.tell(
            Received(type=event.type, payload=json.load(event.payload), event_id=event.event_id)
        )
        if decision.disposition == "DEFERRED":
            draft.put_off(event)
            index += 1
            continue
        draft.take_from_inbox(event)
        index = 0


def report(draft: Draft, asked: Report, task: Task | None) -> Answer:
    """An executor's outcome. Never raises for what the executor cannot help: the verdict says."""
    if task is None:
        return draft.answer(verdict=Verdict.REFUSED, reason="there is no such task")
    lease = task.lease
    if (
        draft.is_touched(asked.ordinal)
        or task.is_closed
        or lease is None
        or lease.epoch != asked.epoch
    ):
        was_applied = task.epoch == asked.epoch or draft.is_touched(asked.ordinal)
        return draft.answer(
            verdict=Verdict.DUPLICATE if was_applied else Verdict.LEASE_LOST, duplicate=was_applied
        )
    draft.consume_lease(asked.ordinal, asked.epoch)
    if not draft.has_begun(task):
        _record_start(draft, task, lease)
    _end_attempt(draft, task, lease, asked.outcome)
    apply_inbox(draft)
    return draft.answer(verdict=Verdict.APPLIED)


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
    _record_start(draft, task, lease)
    draft.touch()
    return draft.answer()


def expire(draft: Draft, asked: Expire, task: Task | None) -> Answer:
    """The holder of a task vanished: hand it on, or end it if it has done so too often."""
    lease = task.lease if task is not None else None
    if task is None or lease is None or task.is_closed or lease.epoch != asked.epoch:
        return draft.answer(disposition="IGNORED")
    draft.consume_lease(asked.ordinal, asked.epoch)
    failure = Failure(
        kind="lease.expired",
        message=f"the executor session {lease.session_id} fell silent and lost the task",
    )
    if may_be_handed_on(lease.epoch):
        _hand_on(draft, task, lease, failure)
    else:
        _fail(draft, task, lease, failure)
    return draft.answer()


def settle(draft: Draft, asked: Settle, task: Task | None) -> Answer:
    """Somebody who is not an executor ends a task that was theirs to end."""
    if task is None:
        raise NotFound("task", task_id(draft.before.instance_id, asked.ordinal))
    ended_as = draft.ended_as(task)
    if ended_as is not None:
        raise PreconditionFailed(
            f"task {task.task_id} has ended already: it is {ended_as}",
            reason="TASK_CLOSED",
            metadata={"task_id": task.task_id, "status": ended_as.upper()},
        )
    if task.type is not TaskType.HUMAN and not draft.is_parked(task):
        raise PreconditionFailed(
            f"task {task.task_id} is a {task.type} task in an executor's hands; only a HUMAN"
            " task, or one that awaits a callback, can be completed from outside",
            reason="TASK_NOT_COMPLETABLE",
            metadata={"task_id": task.task_id, "type": task.type},
        )
    draft.clear(asked.ordinal)
    if asked.outcome.state == "succeeded":
        _succeed(draft, task, task.lease, asked.outcome.output)
    else:
        failure = asked.outcome.failure or Failure(kind="human.failed", message="")
        _after_failure(draft, task, task.lease, failure, max(task.attempt, 1))
    apply_inbox(draft)
    return draft.answer()


def fire(draft: Draft, asked: Fire) -> Answer:
    """A timer that was replaced or cancelled meanwhile is ignored, and its row goes."""
    decision = draft.tell(TimerFired(timer_id=asked.timer_id, due=asked.due))
    if draft.snapshot is None or asked.timer_id not in draft.snapshot.timers:
        draft.disarm(asked.timer_id)
    apply_inbox(draft)
    return draft.answer(disposition=decision.disposition)


def cancel(draft: Draft, asked: Cancel) -> Answer:
    """Cancelling what has ended is harmless if it was cancelled, and refused otherwise."""
    if draft.status == "cancelled":
        return draft.answer(duplicate=True)
    _check_open(draft)
    _check_revision(draft, asked.expected_revision)
    decision = draft.tell(Cancelled(reason=asked.reason))
    if decision.refusal is not None:
        raise refused(decision.refusal)
    return draft.answer()


def refused(refusal: Refusal) -> FoliotError:
    """The error that tells a sender why the engine did not take its event."""
    match refusal:
        case EventNotAccepted():
            return PreconditionFailed(
                refusal.message,
                reason="EVENT_NOT_ACCEPTED",
                metadata={
                    "event_type": refusal.event,
                    "state": refusal.state,
                    "accepts": ", ".join(refusal.accepts),
                },
            )
        case ExpressionFailed():
            return PreconditionFailed(
                f"{refusal.message} (at {refusal.json_pointer}: {refusal.expression})",
                reason="EXPRESSION_FAILED",
                metadata={"json_pointer": refusal.json_pointer},
            )
        case EngineLimit():
            return LimitExceeded(refusal.limit, actual=refusal.actual, maximum=refusal.maximum)
        case InstanceClosed():
            return PreconditionFailed(
                refusal.message, reason="INSTANCE_CLOSED", metadata={"status": refusal.status}
            )


def _record_start(draft: Draft, task: Task, lease: Lease) -> None:
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


def _end_attempt(draft: Draft, task: Task, lease: Lease, outcome: Outcome) -> None:
    match outcome.state:
        case "succeeded":
            _succeed(draft, task, lease, outcome.output)
        case "awaiting":
            _park(draft, task, lease)
        case "failed" | "cancelled":
            # Nobody asked an attempt of an open task to stop: stopping was its own idea.
            failure = outcome.failure or Failure(
                kind="attempt.cancelled", message="the attempt stopped without being asked to"
            )
            _after_failure(draft, task, lease, failure, lease.attempt)


def _after_failure(
    draft: Draft, task: Task, lease: Lease | None, failure: Failure, attempt: int
) -> None:
    """Another attempt if the policy has one, or the task's end."""
    follows = after_failure(load_policy(task.retry), attempt, failure)
    if isinstance(follows, TryAgain):
        _retry(draft, task, lease, failure, follows.delay, attempt)
    else:
        _fail(draft, task, lease, failure)


def _succeed(draft: Draft, task: Task, lease: Lease | None, output: Json) -> None:
    draft.update_task(
        TaskUpdate(
            ordinal=task.ordinal,
            status="succeeded",
            output=json.dump(output),
            completed_at=draft.now,
            **_holder(lease),
        )
    )
    draft.tell(TaskSucceeded(ordinal=task.ordinal, output=output))


def _fail(draft: Draft, task: Task, lease: Lease | None, failure: Failure) -> None:
    error = failure.as_json()
    draft.update_task(
        TaskUpdate(
            ordinal=task.ordinal,
            status="failed",
            error=json.dump(error),
            completed_at=draft.now,
            **_holder(lease),
        )
    )
    draft.tell(TaskFailed(ordinal=task.ordinal, error=error))


def _park(draft: Draft, task: Task, lease: Lease) -> None:
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
    epoch = task.epoch if lease is None else lease.epoch
    draft.requeue(task, update, delay, attempt=attempt, epoch=epoch)
    _record_retry(draft, task, failure, delay, attempt)


def _hand_on(draft: Draft, task: Task, lease: Lease, failure: Failure) -> None:
    """The attempt does not count. Nothing was heard of its epoch, and nothing will be accepted."""
    now = timedelta(0)
    update = TaskUpdate(ordinal=task.ordinal, status="pending", error=json.dump(failure.as_json()))
    draft.requeue(task, update, now, attempt=lease.attempt - 1, epoch=lease.epoch)
    _record_retry(draft, task, failure, now, lease.attempt)


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


def _repeated(
    draft: Draft, scope: str, key: str, fingerprint: bytes, known: StoredAnswer | None
) -> Answer | None:
    """The first answer to the same event id, from the store or from earlier in this turn."""
    earlier = known or draft.remembered(scope, key)
    if earlier is None:
        return None
    if earlier.fingerprint != fingerprint:
        raise AlreadyExists(
            f"event id {key!r} was used for another event of this instance; give each event"
            " its own id, and repeat an event unchanged",
            reason="IDEMPOTENCY_MISMATCH",
            metadata={"event_id": key},
        )
    return Answer.repeated(earlier.answer)


def _check_open(draft: Draft) -> None:
    if draft.is_closed:
        raise PreconditionFailed(
            f"instance {draft.before.instance_id} has ended: it is {draft.status}",
            reason="INSTANCE_CLOSED",
            metadata={"instance_id": str(draft.before.instance_id), "status": draft.status},
        )


def _check_revision(draft: Draft, expected: int | None) -> None:
    if expected is not None and expected != draft.revision:
        raise Conflict(
            f"instance {draft.before.instance_id} is at revision {draft.revision}, not at"
            f" {expected}; read it again and decide anew",
            metadata={"expected": str(expected), "current": str(draft.revision)},
        )


def _check_inbox(draft: Draft) -> None:
    kept = len(draft.inbox) + draft.deferred_count
    if kept >= MAX_DEFERRED:
        raise LimitExceeded(
            "deferred events of one instance", actual=kept + 1, maximum=MAX_DEFERRED
        )
