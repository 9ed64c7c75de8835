"""
Apply what is asked of one instance to its draft, in the order it was asked.

Each function takes one kind of request to an answer, or raises the error its sender gets.
A request that raises has changed nothing, unless its refusal is itself worth recording.
"""

from collections.abc import Mapping
from datetime import timedelta

from control_plane.engine import (
    Cancelled,
    Disposition,
    Entry,
    EventNotAccepted,
    ExpressionFailed,
    InstanceClosed,
    Received,
    Refusal,
    Resumed,
    Retried,
    Started,
    Terminated,
    TimerFired,
)
from control_plane.engine import LimitExceeded as EngineLimit
from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.endings import conclude
from control_plane.orchestrator.messages import OUTCOME
from control_plane.orchestrator.request import (
    Cancel,
    Fire,
    ParentClosed,
    Pause,
    Relabel,
    Resume,
    Retry,
    Send,
    Start,
    Terminate,
)
from control_plane.ports.instance_store import InboxEvent, NewAnswer, StoredAnswer
from control_plane.ports.records import Task
from shared import json
from shared.errors import (
    AlreadyExists,
    Conflict,
    FoliotError,
    LimitExceeded,
    PreconditionFailed,
)
from shared.json import Json

MAX_LABELS = 16

MAX_DEFERRED = 1_000
"""Events an instance may keep for later."""


def start(draft: Draft, asked: Start) -> Answer:
    decision = draft.tell(Started(input=asked.input))
    if decision.refusal is not None:
        raise refused(decision.refusal)
    if asked.position is not None:
        draft.read_from_inbox(asked.position)
    if asked.then is None:
        return draft.answer(created=True)
    told = send(draft, asked.then, None, created=True)
    return draft.answer(created=True, disposition=told.disposition)


def send(draft: Draft, asked: Send, known: StoredAnswer | None, *, created: bool = False) -> Answer:
    """`created` goes with the answer: the event came with the instance's start."""
    scope = str(draft.before.instance_id)
    fingerprint = _fingerprint(asked.type, asked.payload)
    if asked.event_id:
        repeated = _repeated(draft, scope, asked.event_id, fingerprint, known)
        if repeated is not None:
            return repeated
    _check_open(draft)
    _check_revision(draft, asked.expected_revision)
    apply_inbox(draft, only_untried=True)
    if draft.paused:
        _check_inbox(draft)
        draft.touch()
        draft.defer(asked.event_id, asked.type, asked.payload)
        answer = draft.answer(disposition="DEFERRED", created=created)
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
        answer = draft.answer(disposition=decision.disposition, created=created)
    if asked.event_id:
        draft.remember(
            NewAnswer(
                scope=scope, key=asked.event_id, fingerprint=fingerprint, answer=answer.stored()
            )
        )
    return answer


def apply_inbox(draft: Draft, *, only_untried: bool = False) -> None:
    """
    Apply what was kept for later, in accepted order.

    After each event that moved the instance the earliest is tried again: a state that
    could not take it may have given way to one that can. One that has to wait on is
    recorded the first time only, and it need not be tried again before something moved.
    """
    if draft.paused:
        _put_off_untried(draft)
        return
    index = 0
    while index < len(draft.inbox) and not draft.is_closed:
        event = draft.inbox[index]
        was_tried = event.deferred_at is not None
        if was_tried and only_untried:
            index += 1
            continue
        if not was_tried and _is_repeat(draft, event):
            continue
        if event.type == OUTCOME:
            kept = json.load(event.payload)
            assert isinstance(kept, dict)
            draft.take_from_inbox(event)
            conclude(draft, int(str(kept["ordinal"])), kept)
            only_untried, index = False, 0
            continue
        decision = draft.consider(
            Received(type=event.type, payload=json.load(event.payload), event_id=event.event_id)
        )
        if decision.disposition == "DEFERRED":
            if not was_tried:
                draft.keep(decision)
                draft.put_off(event)
                _remember(draft, event, "DEFERRED")
            index += 1
            continue
        draft.keep(decision)
        draft.take_from_inbox(event)
        if not was_tried and decision.refusal is None:
            _remember(draft, event, decision.disposition)
        only_untried, index = False, 0


def _put_off_untried(draft: Draft) -> None:
    """While the instance is paused, what was accepted waits as what is sent does."""
    for event in tuple(draft.inbox):
        if event.deferred_at is None and not _is_repeat(draft, event):
            draft.touch()
            draft.put_off(event)
            _remember(draft, event, "DEFERRED")


def _is_repeat(draft: Draft, event: InboxEvent) -> bool:
    """
    Whether the event's id had its answer before: it goes then, and if it was another event's
    that is told.
    """
    if not event.event_id:
        return False
    remembered = draft.remembered(str(draft.before.instance_id), event.event_id)
    known = event.known if remembered is None else remembered.fingerprint
    if known is None:
        return False
    if known != _fingerprint(event.type, json.load(event.payload)):
        draft.record(
            Entry(
                type="EVENT_REJECTED",
                payload={
                    "event_id": event.event_id,
                    "type": event.type,
                    "payload": json.load(event.payload),
                    "reason": "IDEMPOTENCY_MISMATCH",
                    "message": "its id was used for another event of this instance before",
                },
            )
        )
    draft.touch()
    draft.take_from_inbox(event)
    return True


def _remember(draft: Draft, event: InboxEvent, disposition: Disposition) -> None:
    if event.event_id:
        draft.remember(
            NewAnswer(
                scope=str(draft.before.instance_id),
                key=event.event_id,
                fingerprint=_fingerprint(event.type, json.load(event.payload)),
                answer=draft.answer(disposition=disposition).stored(),
            )
        )


def _fingerprint(type_: str, payload: Json) -> bytes:
    return json.digest(json.dump([type_, payload]))


def fire(draft: Draft, asked: Fire) -> Answer:
    """
    A timer that fired before, was replaced or cancelled is ignored: its row went, or changed, in
    the commit that did it. Nothing is written then, as every replica fires every timer.
    """
    if draft.paused:
        # Somebody read it before the pause put it to rest; resuming arms it again.
        return draft.answer(disposition="IGNORED")
    decision = draft.consider(TimerFired(timer_id=asked.timer_id, due=asked.due))
    is_armed = draft.snapshot is not None and asked.timer_id in draft.snapshot.timers
    if decision.disposition == "IGNORED":
        if asked.is_left_over and not is_armed:
            draft.disarm(asked.timer_id)
            draft.touch()
        return draft.answer(disposition="IGNORED")
    draft.keep(decision)
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
    if draft.paused:
        # Its exit actions and compensations are to run.
        resume(draft, Resume(reason=asked.reason, resumed_by=asked.cancelled_by))
        _check_open(draft)
    decision = draft.tell(Cancelled(reason=asked.reason), by=asked.cancelled_by)
    if decision.refusal is not None:
        raise refused(decision.refusal)
    return draft.answer()


def terminate(draft: Draft, asked: Terminate) -> Answer:
    """Terminating what was cancelled is harmless; what has ended otherwise stays as it ended."""
    if draft.status == "cancelled":
        return draft.answer(duplicate=True)
    _check_open(draft)
    draft.stops_children_by = "terminate"
    draft.tell(Terminated(reason=asked.reason), by=asked.terminated_by)
    return draft.answer()


def close_with_parent(draft: Draft, asked: ParentClosed) -> Answer:
    """A child that is to be abandoned lives on; one that has ended has ended."""
    if draft.is_closed or draft.before.on_parent_close == "abandon":
        return draft.answer(disposition="IGNORED")
    by, reason = f"instance:{asked.parent}", "its parent needs it no longer"
    if "terminate" in (asked.by, draft.before.on_parent_close):
        return terminate(draft, Terminate(reason=reason, terminated_by=by))
    return cancel(draft, Cancel(reason=reason, cancelled_by=by))


def pause(draft: Draft, asked: Pause) -> Answer:
    _check_open(draft)
    if draft.paused:
        return draft.answer(duplicate=True)
    draft.pause()
    payload: dict[str, Json] = {"reason": asked.reason, "by": asked.paused_by}
    draft.record(Entry(type="INSTANCE_PAUSED", payload=payload))
    draft.touch()
    return draft.answer()


def resume(draft: Draft, asked: Resume) -> Answer:
    _check_open(draft)
    if draft.paused_at is None:
        return draft.answer(duplicate=True)
    shift = draft.now - draft.paused_at if asked.shifts_timers else timedelta(0)
    draft.end_pause(shift)
    draft.tell(Resumed(shift=shift, reason=asked.reason), by=asked.resumed_by)
    apply_inbox(draft)
    return draft.answer()


def relabel(draft: Draft, asked: Relabel) -> Answer:
    """Also of an instance that has ended. What leaves the labels as they are changes nothing."""
    _check_revision(draft, asked.expected_revision)
    before = draft.labels
    after: dict[str, Json] = {**before, **asked.merged}
    for name in asked.removed:
        after.pop(name, None)
    if after == before:
        return draft.answer(duplicate=True)
    if len(after) > MAX_LABELS:
        raise LimitExceeded("labels", actual=len(after), maximum=MAX_LABELS, field="merge")
    draft.relabel(after)
    payload: dict[str, Json] = {
        "merged": {name: value for name, value in after.items() if before.get(name) != value},
        "removed": list[Json](sorted(before.keys() - after.keys())),
        "by": asked.relabelled_by,
    }
    draft.record(Entry(type="LABELS_UPDATED", payload=payload))
    draft.touch()
    return draft.answer()


def retry(draft: Draft, asked: Retry, tasks: Mapping[int, Task]) -> Answer:
    """
    Raises Conflict where the instance does not stand as its reader saw it: it would repeat
    other tasks than those that were read.
    """
    if not draft.is_closed:
        return draft.answer(duplicate=True)
    stalled = draft.snapshot.stalled if draft.snapshot is not None else None
    if stalled is None:
        raise PreconditionFailed(
            f"instance {draft.before.instance_id} is {draft.status}; only a failed one can be"
            " retried",
            reason="INSTANCE_NOT_FAILED",
            metadata={"instance_id": str(draft.before.instance_id), "status": draft.status},
        )
    if stalled.tasks.keys() != tasks.keys():
        raise Conflict(f"instance {draft.before.instance_id} was changed meanwhile; retry again")
    draft.repeats = tasks
    draft.tell(Retried(reason=asked.reason), by=asked.retried_by)
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
                refusal.located,
                reason="EXPRESSION_FAILED",
                metadata={"json_pointer": refusal.json_pointer},
            )
        case EngineLimit():
            return LimitExceeded(refusal.limit, actual=refusal.actual, maximum=refusal.maximum)
        case InstanceClosed():
            return PreconditionFailed(
                refusal.message, reason="INSTANCE_CLOSED", metadata={"status": refusal.status}
            )


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
    kept = len(draft.inbox)
    if kept >= MAX_DEFERRED:
        raise LimitExceeded(
            "deferred events of one instance", actual=kept + 1, maximum=MAX_DEFERRED
        )
