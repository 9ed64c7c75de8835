"""
What an AI task came to: carried out where it may be and the state takes it, put before a person
otherwise; and what that person decides.

Each function takes one kind of request to an answer, as those of fold.py do. Nothing of what an
executor says is used here: `Judged` is the control plane's own.
"""

import hashlib

from control_plane.engine import (
    CreateTask,
    Entry,
    StartChild,
    Suggested,
    TaskSucceeded,
    decide,
    review_of,
    value_of,
)
from control_plane.engine.instants import read_instant, write_instant
from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.endings import conclude, fail, park, succeed
from control_plane.orchestrator.fold import apply_inbox, refused
from control_plane.orchestrator.fold_people import check_may_end, check_not_paused, check_open
from control_plane.orchestrator.request import Resolve
from control_plane.orchestrator.separating import check_may_decide, record_decider
from control_plane.ports.ai_records import Suggestion
from control_plane.ports.ai_tasks import Decided, Judged, NewSuggestion
from control_plane.ports.duties import Nudge, Separation
from control_plane.ports.people import Terms
from control_plane.ports.records import Lease, Task
from shared import json
from shared.errors import InvalidRequest, NotFound, PreconditionFailed
from shared.guardrails.gates import Autonomy
from shared.ids import task_id
from shared.json import Json
from shared.tasks import Failure, TaskType

_NOBODY_TO_ASK = Failure(
    kind="ai.no_reviewer",
    message="a person is to decide, and the policy's `approval` lets nobody: name users or roles",
    retryable=False,
)
_NOT_BELIEVED = Failure(
    kind="ai.not_believed",
    message="the executor says that the task succeeded, and not by which call of a model",
    retryable=False,
)


def take_choice(draft: Draft, task: Task, lease: Lease, judged: Judged | None) -> None:
    """An executor says that its AI task succeeded; `judged` is what we make of it ourselves."""
    failure = _NOT_BELIEVED if judged is None else judged.failure
    if judged is None or failure is not None:
        assert failure is not None
        fail(draft, task, lease, failure)
        return
    output: dict[str, Json] = {
        "choice": judged.choice,
        "data": judged.data,
        "confidence": judged.confidence,
        "by": "ai",
    }
    if judged.autonomy is Autonomy.ACT and not draft.paused:
        told = draft.consider(TaskSucceeded(ordinal=task.ordinal, output=output))
        if told.disposition == "APPLIED":
            _record_decision(draft, task.ordinal, "ACT", judged.choice, "ai", judged)
            succeed(draft, task, lease, output)
            return
        why = "not_accepted"
    else:
        why = "paused" if judged.autonomy is Autonomy.ACT else judged.lowered_by
    _suggest(draft, task, lease, judged, why)


def resolve(draft: Draft, asked: Resolve, task: Task | None) -> Answer:
    """
    The AI task and the task that reviews it end in the commit that gives the machine the event.

    What was approved is carried out only as it was shown: a suggestion whose event would now do
    something else is stale, and is to be decided as it stands now.
    """
    if task is None:
        raise NotFound("task", task_id(draft.before.instance_id, asked.ordinal))
    check_may_end(draft, task, asked.person, asked.reason)
    check_open(draft, task)
    check_may_decide(draft, task, asked.person, asked.reason, is_well=True)
    ordinal = asked.suggestion.key.ordinal
    if draft.snapshot is None or review_of(draft.snapshot, ordinal) != asked.ordinal:
        raise PreconditionFailed(
            f"task {task.task_id} reviews nothing that is still open",
            reason="TASK_NOT_REVIEW",
            metadata={"task_id": task.task_id},
        )
    check_not_paused(draft)
    if asked.hash != asked.suggestion.hash:
        raise _stale(task, "it is not what is suggested")
    body = json.load(asked.suggestion.body)
    assert isinstance(body, dict)
    event, data = _decided(asked, body)
    by = {"by": asked.person.name}
    if asked.reason:
        by["reason"] = asked.reason
    output: dict[str, Json] = {"choice": event, "data": data, "by": asked.person.user}
    if event is not None:
        told = draft.consider(TaskSucceeded(ordinal=ordinal, output=output))
        if told.refusal is not None:
            raise refused(told.refusal)
        is_as_shown = _preview(draft, ordinal, event, data, str(body["at"])) == body["preview"]
        if asked.decision == "APPROVE" and not is_as_shown:
            raise _stale(task, "the event would now do something else")
    draft.clear(task.ordinal)
    draft.disarm_nudge(task)
    record_decider(draft, task, asked.person)
    conclude(draft, task.ordinal, {"output": {"decision": asked.decision, "event": event}, **by})
    _record_decision(draft, ordinal, asked.decision, event, asked.person.name, asked.suggestion)
    draft.decide_suggestion(Decided(ordinal, asked.decision, event, asked.person.name))
    if event is not None:
        conclude(draft, ordinal, {"output": output, **by})
    else:
        rejected = Failure(
            kind="ai.rejected", message="a person rejected what was suggested", retryable=False
        )
        conclude(draft, ordinal, {"error": rejected.as_json(), **by})
    apply_inbox(draft)
    return draft.answer()


def check_no_review(draft: Draft, task: Task) -> None:
    """Raises PreconditionFailed for what only the decision on a suggestion ends."""
    if draft.reviewed_by(task.ordinal) is not None or task.type is TaskType.AI:
        raise PreconditionFailed(
            f"task {task.task_id} ends by what a model chooses, or by ResolveSuggestion on the task"
            " that reviews what was suggested",
            reason="TASK_NOT_COMPLETABLE",
            metadata={"task_id": task.task_id, "type": task.type},
        )


def _decided(asked: Resolve, body: dict[str, Json]) -> tuple[str | None, Json]:
    """The event and the data that the person wants; no event where they reject."""
    match asked.decision:
        case "REJECT":
            return None, None
        case "APPROVE":
            if body["proposed"] is None or asked.suggestion.is_shadow:
                raise InvalidRequest(
                    "nothing was proposed that could be approved; choose an event",
                    field="decision",
                )
            return str(body["proposed"]), body["data"]
    events = body["events"]
    assert isinstance(events, list)
    if asked.event not in events:
        raise InvalidRequest(
            f"event {asked.event!r} is none that the task may choose; take one of"
            f" {', '.join(map(str, events))}",
            field="event",
        )
    return asked.event, asked.data


def _suggest(draft: Draft, task: Task, lease: Lease, judged: Judged, why: str) -> None:
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


def _body(draft: Draft, task: Task, judged: Judged, why: str) -> dict[str, Json]:
    """All that is suggested, and on what grounds: its hash names it."""
    at = write_instant(draft.now)
    preview: Json = None
    if judged.choice is not None:
        preview = _preview(draft, task.ordinal, judged.choice, judged.data, at)
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


def _preview(draft: Draft, ordinal: int, event: str, data: Json, at: str) -> Json:
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


def _record_decision(
    draft: Draft,
    ordinal: int,
    decision: str,
    event: str | None,
    by: str,
    of: Judged | Suggestion,
) -> None:
    payload: dict[str, Json] = {
        "decision": decision,
        "event": event,
        "by": by,
        "policy": f"{of.policy_name}@{of.policy_version}",
    }
    if isinstance(of, Judged):
        payload |= {"call": of.call_number, "policy_sha256": of.policy_sha256}
    else:
        payload["hash"] = of.hash
    draft.record(Entry(type="AI_DECIDED", ordinal=ordinal, payload=payload))


def _stale(task: Task, why: str) -> PreconditionFailed:
    return PreconditionFailed(
        f"the suggestion that task {task.task_id} reviews is stale: {why}; read it again, and"
        " decide anew",
        reason="SUGGESTION_STALE",
        metadata={"task_id": task.task_id},
    )
