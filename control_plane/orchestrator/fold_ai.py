"""
What an AI task came to: carried out where it may be and the state takes it, put before a person
otherwise; and what that person decides.

Each function takes one kind of request to an answer, as those of fold.py do. Nothing of what an
executor says is used here: `Judged` is the control plane's own.
"""

import hashlib

from control_plane.engine import Entry, TaskSucceeded, review_of
from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.endings import conclude, fail, succeed
from control_plane.orchestrator.fold import apply_inbox, refused
from control_plane.orchestrator.fold_people import check_may_end, check_not_paused, check_open
from control_plane.orchestrator.fold_votes import cast
from control_plane.orchestrator.request import CastVote, Report, Resolve
from control_plane.orchestrator.separating import check_separate, record_decider
from control_plane.orchestrator.suggesting import preview_of, suggest
from control_plane.ports.ai_records import Suggestion
from control_plane.ports.ai_tasks import NOT_BELIEVED, Decided, Judged
from control_plane.ports.audit import Noted, Target
from control_plane.ports.people import Terms
from control_plane.ports.records import Lease, Task
from shared import json
from shared.errors import InvalidRequest, NotFound, PreconditionFailed
from shared.guardrails.gates import Autonomy
from shared.ids import task_id
from shared.json import Json
from shared.tasks import Failure

REPORTED = "foliot.executor.v1.ExecutorService/ReportOutcomes"
"""What the audit log calls it to tell of an outcome, on a stream as well."""

MAX_REASON = 1_000

_NOT_BELIEVED = Failure(
    kind=NOT_BELIEVED,
    message="the executor says that the task succeeded, and not by which call of a model",
    retryable=False,
)


def take_choice(draft: Draft, task: Task, lease: Lease, asked: Report) -> None:
    """
    An executor says that its AI task succeeded; `asked.judged` is what we make of it ourselves.
    One that is not believed is told of in the audit log.
    """
    judged = asked.judged
    failure = _NOT_BELIEVED if judged is None else judged.failure
    if judged is None or failure is not None:
        assert failure is not None
        before = draft.history_hash
        fail(draft, task, lease, failure)
        if failure.kind == NOT_BELIEVED:
            draft.note(_told(asked, failure), Target("task", task.task_id), before)
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
    suggest(draft, task, lease, judged, why)


def resolve(draft: Draft, asked: Resolve, task: Task | None) -> Answer:
    """
    The AI task and the task that reviews it end in the commit that gives the machine the event.

    What was approved is carried out only as it was shown: a suggestion whose event would now do
    something else is stale, and is to be decided as it stands now. Where the policy asks for
    several people, each that is for an event is a vote, and the last one that is needed decides;
    one who rejects has decided.
    """
    if task is None:
        raise NotFound("task", task_id(draft.before.instance_id, asked.ordinal))
    check_may_end(draft, task, asked.person, asked.reason)
    check_open(draft, task)
    check_separate(draft, task, asked.person.user, asked.person.name)
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
        preview = preview_of(draft, ordinal, event, data, str(body["at"]))
        if asked.decision == "APPROVE" and preview != body["preview"]:
            raise _stale(task, "the event would now do something else")
        if Terms.of(task.terms).quorum is not None:
            enough = _vote(draft, asked, task, [event, data, preview])
            if not enough:
                return draft.answer(duplicate=enough is None)
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


def _told(asked: Report, failure: Failure) -> Noted:
    """What the audit log says of an executor that is not believed."""
    by = asked.told_by
    return Noted(
        principal=f"session {asked.session_id}" if by is None else by.name,
        credential_id="" if by is None else by.credential_id,
        method=REPORTED,
        reason=f"{failure.kind}: {failure.message}"[:MAX_REASON],
    )


def _vote(draft: Draft, asked: Resolve, task: Task, choice: Json) -> bool | None:
    """
    Whether the vote is the last that is needed; None if it was cast before.

    Those agree who voted for the same event with the same data that did the same when they did.
    """
    said: Json = hashlib.sha256(json.dump(choice).encode()).hexdigest()
    vote = CastVote(
        ordinal=asked.ordinal,
        approves=True,
        person=asked.person,
        output=said,
        comment=asked.reason,
    )
    tally = cast(draft, vote, task, or_managers=True)
    if tally is None:
        return None
    agreeing = sum(one.output == said for one in tally.standing.votes)
    return tally.quorum.is_reached(agreeing)


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
