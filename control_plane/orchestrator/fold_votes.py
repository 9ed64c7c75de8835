"""
Tasks on which several people must agree: each votes once, and the last vote that is needed ends it.
"""

from control_plane.engine.instants import write_instant
from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.endings import fail, succeed
from control_plane.orchestrator.fold import apply_inbox
from control_plane.orchestrator.fold_people import open_human, record
from control_plane.orchestrator.request import CastVote
from control_plane.orchestrator.separating import check_separate, record_decider
from control_plane.ports.duties import Quorum
from control_plane.ports.people import Terms
from control_plane.ports.records import Task
from control_plane.ports.standing import Standing, Vote
from shared.errors import PreconditionFailed
from shared.json import Json
from shared.tasks import Failure


def vote(draft: Draft, asked: CastVote, task: Task | None) -> Answer:
    """
    By those it is offered to, operators among them only if it is. Voting the same again changes
    nothing; a vote that was cast stands.
    """
    task, person = open_human(draft, asked.ordinal, task, asked.person), asked.person
    terms = Terms.of(task.terms)
    if terms.quorum is None:
        raise PreconditionFailed(
            f"task {task.task_id} is ended by one person; complete it, or fail it",
            reason="TASK_NOT_VOTED_ON",
            metadata={"task_id": task.task_id},
        )
    if not person.is_meant_by(task):
        raise PreconditionFailed(
            f"task {task.task_id} is not offered to {person.user!r}: they have no vote",
            reason="TASK_NOT_OFFERED",
            metadata={"task_id": task.task_id},
        )
    check_separate(draft, task, person.user, person.name)
    standing = Standing.of(task.standing)
    cast = next((one for one in standing.votes if one.by == person.user), None)
    if cast is not None and (cast.approves, cast.output) == (asked.approves, asked.output):
        return draft.answer(duplicate=True)
    if cast is not None:
        raise PreconditionFailed(
            f"{person.user!r} has voted on task {task.task_id} already, and a vote stands",
            reason="TASK_VOTED_ALREADY",
            metadata={"task_id": task.task_id},
        )
    by = Vote(
        by=person.user,
        name=person.name,
        approves=asked.approves,
        at=write_instant(draft.now),
        output=asked.output,
        comment=asked.comment,
    )
    standing = standing.with_vote(by)
    draft.stand(task, standing)
    record_decider(draft, task, person)
    told: dict[str, Json] = {
        "approve": by.approves,
        "approvals": standing.approvals,
        "rejections": standing.rejections,
        "needed": terms.quorum.approvals,
        "user": by.by,
    }
    if by.output is not None:
        told["output"] = by.output
    if by.comment:
        told["comment"] = by.comment
    record(draft, task, "TASK_VOTED", person, reason="", **told)
    _end_if_decided(draft, task, terms.quorum, standing, person.name)
    return draft.answer()


def _end_if_decided(
    draft: Draft, task: Task, quorum: Quorum, standing: Standing, name: str
) -> None:
    is_reached = quorum.is_reached(standing.approvals)
    if not is_reached and not quorum.is_out_of_reach(standing.rejections):
        return
    draft.clear(task.ordinal)
    draft.disarm_nudge(task)
    counted: dict[str, Json] = {
        "approvals": standing.approvals,
        "rejections": standing.rejections,
    }
    if is_reached:
        votes: list[Json] = [one.as_json() for one in standing.votes]
        output: dict[str, Json] = {"approved": True, **counted, "votes": votes}
        succeed(draft, task, task.lease, output, by=name)
    else:
        # What was given with a vote stays out: details are for people and for guards.
        told: list[Json] = [one.as_json(with_output=False) for one in standing.votes]
        failure = Failure(
            kind="quorum.missed",
            message=f"{standing.rejections} have rejected it: {quorum.approvals} of {quorum.of}"
            " cannot approve any more",
            retryable=False,
            details={**counted, "votes": told},
        )
        fail(draft, task, task.lease, failure, by=name)
    apply_inbox(draft)
