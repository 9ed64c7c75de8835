"""
A person is asked to decide in a model's place: what they are shown, and the task by which they do.
"""

import hashlib

from control_plane.engine import CreateTask, StartChild, Suggested, TaskSucceeded, decide, value_of
from control_plane.engine.instants import read_instant, write_instant
from control_plane.engine.limits import MAX_VOTERS
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.endings import fail, park
from control_plane.ports.ai_tasks import Judged, NewSuggestion
from control_plane.ports.duties import Nudge, Quorum, Separation
from control_plane.ports.people import Terms
from control_plane.ports.records import Lease, Task
from shared import json
from shared.guardrails.gates import Autonomy
from shared.guardrails.policy import MAX_QUORUM, Approval
from shared.json import Json
from shared.tasks import Failure

assert MAX_QUORUM <= MAX_VOTERS

_NOBODY_TO_ASK = Failure(
    kind="ai.no_reviewer",
    message="a person is to decide, and the policy's `approval` lets nobody: name users or roles",
    retryable=False,
)


def suggest(draft: Draft, task: Task, lease: Lease, judged: Judged, why: str) -> None:
    """Park the AI task, and create the task by which a person decides."""
    assert draft.snapshot is not None
    approval = judged.approval
    if approval.users == () and approval.roles == ():
        fail(draft, task, lease, _NOBODY_TO_ASK)
        return
    is_shown = judged.choice is not None and judged.autonomy is not Autonomy.SHADOW
    body = _body(draft, task, judged, why)
    text = json.dump(body)
    hashed = hashlib.sha256(text.encode()).hexdigest()
    about: dict[str, Json] = {
        "task_id": task.task_id,
        "hash": hashed,
        "events": list[Json](judged.events),
        "policy": f"{judged.policy_name}@{judged.policy_version}",
        "input": json.load(task.input),
    }
    if is_shown:
        shown = ("proposed", "data", "reason", "confidence", "why", "preview", "model", "cost")
        about |= {name: body[name] for name in shown}
    expires = approval.expires_in
    due = None if expires is None else draft.now + expires
    terms = Terms(
        users=approval.users or (),
        roles=approval.roles or (),
        quorum=_quorum(approval),
        not_by=Separation(starter=True) if approval.four_eyes else None,
        nudges=() if due is None else (Nudge(at=due, fails=True),),
    )
    said = json.load(terms.text())
    assert isinstance(said, dict)
    told: dict[str, Json] = {"hash": hashed, "call": judged.call_number, "policy": about["policy"]}
    if is_shown:
        told |= {"proposed": judged.choice, "why": why}
    review = draft.snapshot.next_ordinal
    decision = draft.consider(
        Suggested(of=task.ordinal, input=about, terms=said, due=due, told=told)
    )
    if decision.disposition != "APPLIED":
        full = Failure(
            kind="ai.no_reviewer",
            message="the instance has too many open tasks for one more, by which a person decides",
            retryable=False,
        )
        fail(draft, task, lease, full)
        return
    draft.keep(decision)
    park(draft, task, lease)
    draft.suggest(
        NewSuggestion(
            ordinal=task.ordinal,
            review=review,
            hash=hashed,
            body=text,
            policy_name=judged.policy_name,
            policy_version=judged.policy_version,
            proposed=judged.choice,
            is_shadow=judged.autonomy is Autonomy.SHADOW,
        )
    )


def _quorum(approval: Approval) -> Quorum | None:
    """None where one person decides. Whom a role has, nobody has counted."""
    needed = approval.quorum or 1
    if needed == 1:
        return None
    of = MAX_VOTERS if approval.roles or not approval.users else len(approval.users)
    return Quorum(approvals=needed, of=max(needed, of))


def _body(draft: Draft, task: Task, judged: Judged, why: str) -> dict[str, Json]:
    """All that is suggested, and on what grounds: its hash names it."""
    at = write_instant(draft.now)
    preview: Json = None
    if judged.choice is not None:
        preview = preview_of(draft, task.ordinal, judged.choice, judged.data, at)
    return {
        "at": at,
        "task_id": task.task_id,
        "revision": draft.revision,
        "events": list[Json](judged.events),
        "proposed": judged.choice,
        "data": judged.data,
        "reason": judged.reason,
        "confidence": judged.confidence,
        "why": why,
        "preview": preview,
        "call": judged.call_number,
        "model": judged.model,
        "cost": judged.cost,
        "policy_name": judged.policy_name,
        "policy_version": judged.policy_version,
        "policy_sha256": judged.policy_sha256,
    }


def preview_of(draft: Draft, ordinal: int, event: str, data: Json, at: str) -> Json:
    """
    What the event would do to the instance as it stands, as of the instant of the suggestion: the
    states it leads to, the tasks it creates and ends, and a digest of all that goes into them.
    """
    before, now = draft.snapshot, read_instant(at)
    assert before is not None
    assert now is not None
    output: dict[str, Json] = {"choice": event, "data": data, "by": "preview"}
    told = decide(draft.machine, before, TaskSucceeded(ordinal=ordinal, output=output), now)
    if told.refusal is not None:
        return {"refused": told.refusal.message}
    after = told.snapshot
    ended = sorted(
        one.name
        for number, one in before.tasks.items()
        if number not in after.tasks and ordinal not in {number, one.reviews}
    )
    created: list[Json] = []
    for command in told.commands:
        match command:
            case CreateTask():
                what = command.function or command.type.value
                created.append([command.name, what, command.input])
            case StartChild():
                created.append([command.name, command.definition, command.input])
    state = value_of(draft.machine, after)
    members = before.context.keys() | after.context.keys()
    changed = sorted(
        name for name in members if before.context.get(name) != after.context.get(name)
    )
    whole: list[Json] = [state, after.status, created, after.context, after.output]
    return {
        "state": state,
        "status": after.status,
        "tasks_created": [one[0] for one in created if isinstance(one, list)],
        "tasks_ended": list[Json](ended),
        "context_changed": list[Json](changed),
        "digest": hashlib.sha256(json.dump(whole).encode()).hexdigest(),
    }
