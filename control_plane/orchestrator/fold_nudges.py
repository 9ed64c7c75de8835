"""
What an open human task's time brings: people are reminded of it, and it is escalated.
"""

from control_plane.engine import Entry, Received
from control_plane.engine.instants import write_instant
from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.deadlines import next_nudge
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.endings import fail
from control_plane.orchestrator.fold import MAX_DEFERRED, apply_inbox
from control_plane.orchestrator.request import Fire
from control_plane.orchestrator.separating import check_separate
from control_plane.ports.duties import Nudge
from control_plane.ports.people import Terms
from control_plane.ports.records import Task
from control_plane.ports.standing import Standing
from shared.errors import PreconditionFailed
from shared.json import Json
from shared.tasks import Failure


def nudge(draft: Draft, asked: Fire, task: Task) -> Answer:
    """
    Everything that is due, each once: what is done with is counted in the same commit. Also while
    the instance is paused, as people may deal with its tasks then.

    Every replica fires every timer: of what another has done nothing is written.
    """
    done = Standing.of(draft.as_dealt(task).standing).nudged
    nudges = Terms.of(task.terms).nudges
    if not _is_open(draft, task) or done >= len(nudges):
        if asked.is_left_over:
            draft.disarm(asked.timer_id)
            draft.touch()
        return draft.answer(disposition="IGNORED")
    if nudges[done].at > draft.now:
        return draft.answer(disposition="IGNORED")
    while done < len(nudges) and nudges[done].at <= draft.now and _is_open(draft, task):
        done += 1
        draft.stand(task, Standing.of(draft.as_dealt(task).standing).nudged_to(done))
        _carry_out(draft, task, nudges[done - 1])
    if done < len(nudges) and _is_open(draft, task):
        draft.arm(next_nudge(task.ordinal), nudges[done].at)
    else:
        draft.disarm(next_nudge(task.ordinal))
    draft.touch()
    apply_inbox(draft)
    return draft.answer()


def _is_open(draft: Draft, task: Task) -> bool:
    return draft.ended_as(task) is None and not draft.has_outcome_of(task.ordinal)


def _carry_out(draft: Draft, task: Task, due: Nudge) -> None:
    holder = draft.assignee_of(task)
    if due.is_reminder:
        told: dict[str, Json] = {}
        if task.due_at is not None:
            told["due"] = write_instant(task.due_at)
        if holder is not None:
            told["assignee"] = holder
        _record(draft, task, "TASK_REMINDED", told)
    elif due.only_unclaimed and holder is not None:
        return
    else:
        _record(draft, task, "TASK_ESCALATED", _escalate(draft, task, due, holder))
    if due.event is not None:
        _tell(draft, task, due.event)
    if due.fails and _is_open(draft, task):
        draft.clear(task.ordinal)
        failure = Failure(
            kind="task.expired", message="nobody ended the task in its time", retryable=False
        )
        fail(draft, task, task.lease, failure)


def _escalate(draft: Draft, task: Task, due: Nudge, holder: str | None) -> dict[str, Json]:
    """What changes, for the history to tell."""
    told: dict[str, Json] = {}
    terms = Terms.of(draft.as_dealt(task).terms)
    users = tuple(one for one in due.users if one not in terms.users)
    roles = tuple(one for one in due.roles if one not in terms.roles)
    if users or roles:
        draft.offer_more(task, terms.also_to(users, roles))
        told |= {"users": list[Json](users), "roles": list[Json](roles)}
    if due.assign_to not in {None, holder} and _may_have(draft, task, str(due.assign_to)):
        draft.assign(task, due.assign_to)
        standing = Standing.of(draft.as_dealt(task).standing)
        draft.stand(task, standing.with_no_lenders())
        told["assignee"] = due.assign_to
        if holder is not None:
            told["from"] = holder
    if due.priority is not None:
        standing = Standing.of(draft.as_dealt(task).standing)
        draft.stand(task, standing.of_priority(due.priority))
        told["priority"] = due.priority
    if due.fails:
        told["fail"] = True
    if due.event is not None:
        told["event"] = due.event
    return told


def _may_have(draft: Draft, task: Task, user: str) -> bool:
    """What several vote on is nobody's, and what is not for somebody is not theirs."""
    if Terms.of(task.terms).quorum is not None:
        return False
    try:
        check_separate(draft, task, user)
    except PreconditionFailed:
        return False
    return True


def _tell(draft: Draft, task: Task, event: str) -> None:
    """As a sender would; what the state has no answer for is in the history as rejected."""
    payload: dict[str, Json] = {"taskId": task.task_id, "name": task.name}
    if not draft.paused:
        decision = draft.tell(Received(type=event, payload=payload, event_id=""))
        if decision.disposition != "DEFERRED":
            return
    if len(draft.inbox) < MAX_DEFERRED:
        draft.defer("", event, payload)


def _record(draft: Draft, task: Task, kind: str, told: dict[str, Json]) -> None:
    draft.record(Entry(type=kind, ordinal=task.ordinal, payload=told))
