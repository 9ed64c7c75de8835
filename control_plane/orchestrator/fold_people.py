"""
What people do with a task: take it, let it go, give it to somebody, pass it over, hurry it.

Each function takes one kind of request to an answer, as those of fold.py do. Who may do what is
decided here, on the task that this turn writes, and on nothing that was read before.
"""

from datetime import timedelta

from control_plane.engine import Entry, TaskSkipped
from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.endings import record_start, skip
from control_plane.orchestrator.fold import apply_inbox, refused
from control_plane.orchestrator.request import Assign, Claim, Hasten, Skip, Unclaim
from control_plane.orchestrator.separating import check_separate, check_single_hand
from control_plane.ports.instance_store import TaskUpdate
from control_plane.ports.people import Person, Terms
from control_plane.ports.records import Task
from control_plane.ports.standing import Standing
from shared import json
from shared.errors import InvalidRequest, NotFound, PreconditionFailed
from shared.ids import task_id
from shared.json import Json
from shared.tasks import TaskType


def claim(draft: Draft, asked: Claim, task: Task | None) -> Answer:
    """Of two that want it one gets it. Claiming what is one's own changes nothing."""
    task = open_human(draft, asked.ordinal, task, asked.person)
    check_single_hand(task)
    holder, person = draft.assignee_of(task), asked.person
    if holder == person.user:
        return draft.answer(duplicate=True)
    if holder is not None:
        raise _taken(task, holder)
    check_separate(draft, task, person.user, person.name)
    draft.assign(task, person.user)
    record(draft, task, "TASK_CLAIMED", person, assignee=person.user)
    return draft.answer()


def unclaim(draft: Draft, asked: Unclaim, task: Task | None) -> Answer:
    """Letting go of what nobody has changes nothing."""
    task = open_human(draft, asked.ordinal, task, asked.person)
    holder = draft.assignee_of(task)
    if holder is None:
        return draft.answer(duplicate=True)
    check_holder(task, holder, asked.person, asked.reason)
    draft.assign(task, None)
    _forget_lenders(draft, task)
    told: dict[str, Json] = {"from": holder}
    record(draft, task, "TASK_UNCLAIMED", asked.person, reason=asked.reason, **told)
    return draft.answer()


def assign(draft: Draft, asked: Assign, task: Task | None) -> Answer:
    """By whoever has it, or by an operator. Giving it to whoever has it changes nothing."""
    task = open_human(draft, asked.ordinal, task, asked.person)
    check_single_hand(task)
    holder = draft.assignee_of(task)
    if holder == asked.to:
        return draft.answer(duplicate=True)
    if holder is None and not asked.person.manages:
        raise not_claimed(task)
    if holder is not None:
        check_holder(task, holder, asked.person, asked.reason)
    check_separate(draft, task, asked.to)
    draft.assign(task, asked.to)
    _forget_lenders(draft, task)
    told: dict[str, Json] = {"assignee": asked.to}
    if holder is not None:
        told["from"] = holder
    record(draft, task, "TASK_ASSIGNED", asked.person, reason=asked.reason, **told)
    return draft.answer()


def check_may_end(draft: Draft, task: Task, person: Person | None, reason: str) -> None:
    """
    Whether this person may end the task. Of one who has no right to see it, it does not exist.

    A task that nobody has taken may be ended by anybody it is offered to.
    """
    if person is None:
        return
    task = draft.as_dealt(task)
    holder = draft.assignee_of(task)
    if not person.sees_all and holder != person.user and not person.is_meant_by(task):
        raise NotFound("task", task.task_id)
    if holder is not None:
        check_holder(task, holder, person, reason)
    elif not person.manages and not person.is_meant_by(task):
        raise PreconditionFailed(
            f"task {task.task_id} is not offered to {person.user!r}; an operator can assign it",
            reason="TASK_NOT_OFFERED",
            metadata={"task_id": task.task_id},
        )


def skip_task(draft: Draft, asked: Skip, task: Task | None) -> Answer:
    """What an executor has of it is told to stop."""
    if task is None:
        raise NotFound("task", task_id(draft.before.instance_id, asked.ordinal))
    check_open(draft, task)
    if not Terms.of(task.terms).is_skippable:
        raise PreconditionFailed(
            f"task {task.task_id} may not be skipped: its definition does not say that it is"
            " `skippable`",
            reason="TASK_NOT_SKIPPABLE",
            metadata={"task_id": task.task_id},
        )
    if asked.person is not None:
        check_separate(draft, task, asked.person.user, asked.person.name)
    if task.type is TaskType.AI:
        check_not_paused(draft)
        told = draft.consider(TaskSkipped(ordinal=task.ordinal, output=asked.output))
        if told.refusal is not None:
            raise refused(told.refusal)
    lease = None if draft.is_touched(task.ordinal) else task.lease
    if lease is not None and not draft.has_begun(task):
        record_start(draft, task, lease)
    draft.withdraw(task.ordinal)
    skip(draft, task, lease, asked.output, by=asked.skipped_by, reason=asked.reason)
    apply_inbox(draft)
    return draft.answer()


def hasten(draft: Draft, asked: Hasten, task: Task | None) -> Answer:
    """Only a task that waits for its next attempt. One that can be tried already is left alone."""
    if task is None:
        raise NotFound("task", task_id(draft.before.instance_id, asked.ordinal))
    check_open(draft, task)
    if draft.is_touched(task.ordinal) or task.lease is not None or task.status == "running":
        return draft.answer(duplicate=True)
    if task.run_at <= draft.now:
        return draft.answer(duplicate=True)
    if task.error is None:
        raise PreconditionFailed(
            f"task {task.task_id} has not failed: it waits for its time, {task.run_at.isoformat()}",
            reason="TASK_NOT_RETRYABLE",
            metadata={"task_id": task.task_id},
        )
    draft.clear(task.ordinal)
    # A person may fail a task that nobody had: that was an attempt all the same.
    attempt = max(task.attempt, 1)
    draft.requeue(
        task,
        TaskUpdate(ordinal=task.ordinal, status="pending"),
        timedelta(0),
        attempt=attempt,
        epoch=max(task.epoch, task.lost_epoch),
    )
    draft.record(
        Entry(
            type="TASK_RETRY_SCHEDULED",
            ordinal=task.ordinal,
            payload={
                "attempt": attempt,
                "max_attempts": task.max_attempts,
                "error": json.load(task.error),
                "run_at": draft.now.isoformat(),
                "by": asked.hastened_by,
                "reason": asked.reason,
            },
        )
    )
    draft.touch()
    return draft.answer()


def check_open(draft: Draft, task: Task) -> None:
    """Raises PreconditionFailed for a task that has ended, also where its instance is paused."""
    ended_as = draft.ended_as(task)
    if ended_as is None and draft.has_outcome_of(task.ordinal):
        raise PreconditionFailed(
            f"task {task.task_id} has ended already; its instance is paused, and learns of it"
            " when it is resumed",
            reason="TASK_CLOSED",
            metadata={"task_id": task.task_id, "status": "RUNNING"},
        )
    if ended_as is not None:
        raise PreconditionFailed(
            f"task {task.task_id} has ended already: it is {ended_as}",
            reason="TASK_CLOSED",
            metadata={"task_id": task.task_id, "status": ended_as.upper()},
        )


def check_not_paused(draft: Draft) -> None:
    """For what depends on how the instance stands now, and so cannot be kept for later."""
    if draft.paused:
        raise PreconditionFailed(
            f"instance {draft.before.instance_id} is paused; resume it, then decide",
            reason="INSTANCE_PAUSED",
            metadata={"instance_id": str(draft.before.instance_id)},
        )


def check_no_review(draft: Draft, task: Task) -> None:
    """Raises PreconditionFailed for what only the decision on a suggestion ends."""
    if draft.reviewed_by(task.ordinal) is not None or task.type is TaskType.AI:
        raise PreconditionFailed(
            f"task {task.task_id} ends by what a model chooses, or by ResolveSuggestion on the task"
            " that reviews what was suggested",
            reason="TASK_NOT_COMPLETABLE",
            metadata={"task_id": task.task_id, "type": task.type},
        )


def open_human(draft: Draft, ordinal: int, task: Task | None, person: Person) -> Task:
    """The task, for somebody who may know of it."""
    if task is None:
        raise NotFound("task", task_id(draft.before.instance_id, ordinal))
    task = draft.as_dealt(task)
    is_theirs = person.is_meant_by(task)
    if not person.sees_all and not is_theirs:
        raise NotFound("task", task.task_id)
    if task.type is not TaskType.HUMAN:
        raise PreconditionFailed(
            f"task {task.task_id} is a {task.type} task; only a HUMAN task can be somebody's",
            reason="TASK_NOT_HUMAN",
            metadata={"task_id": task.task_id, "type": task.type},
        )
    check_open(draft, task)
    if not person.manages and not is_theirs:
        raise PreconditionFailed(
            f"task {task.task_id} is not offered to {person.user!r}; an operator can assign it",
            reason="TASK_NOT_OFFERED",
            metadata={"task_id": task.task_id},
        )
    return task


def check_holder(task: Task, holder: str, person: Person, reason: str) -> None:
    """Whoever has it may; an operator may too, and says why."""
    if holder == person.user:
        return
    if not person.manages:
        raise _taken(task, holder)
    if not reason:
        raise InvalidRequest(
            f"task {task.task_id} is {holder!r}'s; say why you deal with it in their place",
            field="reason",
        )


def not_claimed(task: Task) -> PreconditionFailed:
    return PreconditionFailed(
        f"task {task.task_id} is nobody's yet; claim it, then give it to another",
        reason="TASK_NOT_CLAIMED",
        metadata={"task_id": task.task_id},
    )


def _forget_lenders(draft: Draft, task: Task) -> None:
    """Who gives a task away for good gives it back to nobody."""
    standing = Standing.of(task.standing)
    if standing.lenders:
        draft.stand(task, standing.with_no_lenders())


def _taken(task: Task, holder: str) -> PreconditionFailed:
    return PreconditionFailed(
        f"task {task.task_id} is {holder!r}'s; they, or an operator, can give it away",
        reason="TASK_TAKEN",
        metadata={"task_id": task.task_id, "assignee": holder},
    )


def record(
    draft: Draft, task: Task, kind: str, person: Person, *, reason: str = "", **told: Json
) -> None:
    """What a person did to the task, in the history."""
    payload: dict[str, Json] = {**told, "by": person.name}
    if reason:
        payload["reason"] = reason
    draft.record(Entry(type=kind, ordinal=task.ordinal, payload=payload))
    draft.touch()
