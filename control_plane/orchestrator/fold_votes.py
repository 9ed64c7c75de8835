"""
Tasks on which several people must agree: each votes once, and the last vote that is needed ends it.
"""

from dataclasses import dataclass

from control_plane.engine.instants import write_instant
from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.endings import fail, succeed
from control_plane.orchestrator.fold import apply_inbox
from control_plane.orchestrator.fold_people import check_no_review, open_human, record
from control_plane.orchestrator.request import CastVote
from control_plane.orchestrator.separating import check_separate, record_decider
from control_plane.ports.duties import Quorum
from control_plane.ports.people import Terms
from control_plane.ports.records import Task
from control_plane.ports.standing import Standing, Vote
from shared.errors import PreconditionFailed
from shared.json import Json
from shared.tasks import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How the votes stand after one more."""

    standing: Standing
    quorum: Quorum

    @property
    def is_reached(self) -> bool:
        return self.quorum.is_reached(self.standing.approvals)

    @property
    def is_out_of_reach(self) -> bool:
        return self.quorum.is_out_of_reach(self.standing.rejections)


def vote(draft: Draft, asked: CastVote, task: Task | None) -> Answer:
    """
    By those it is offered to, operators among them only if it is. Voting the same again changes
    nothing; a vote that was cast stands.
    """
    task = open_human(draft, asked.ordinal, task, asked.person)
    check_no_review(draft, task)
    tally = cast(draft, asked, task)
    if tally is None:
        return draft.answer(duplicate=True)
    _end_if_decided(draft, task, tally, asked.person.name)
    return draft.answer()


def cast(draft: Draft, asked: CastVote, task: Task, *, or_managers: bool = False) -> Tally | None:
    """
    Count a vote on an open task that its person may see, and say how they stand; None for one that
    was cast before. What comes of a quorum that is reached, or out of reach, is the caller's: so
    tasks that end in another way than by VoteTask can take several people too. There operators
    may vote, too, if the caller says so.
    """
    person, terms = asked.person, Terms.of(task.terms)
    if terms.quorum is None:
        raise PreconditionFailed(
            f"task {task.task_id} is ended by one person; complete it, or fail it",
            reason="TASK_NOT_VOTED_ON",
            metadata={"task_id": task.task_id},
        )
    if not person.is_meant_by(task) and not (or_managers and person.manages):
        raise PreconditionFailed(
            f"task {task.task_id} is not offered to {person.user!r}: they have no vote",
            reason="TASK_NOT_OFFERED",
            metadata={"task_id": task.task_id},
        )
    check_separate(draft, task, person.user, person.name)
    standing = Standing.of(task.standing)
    earlier = next((one for one in standing.votes if one.by == person.user), None)
    if earlier is not None:
        if (earlier.approves, earlier.output) == (asked.approves, asked.output):
            return None
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
    return Tally(standing=standing, quorum=terms.quorum)


def _end_if_decided(draft: Draft, task: Task, tally: Tally, name: str) -> None:
    if not tally.is_reached and not tally.is_out_of_reach:
        return
    standing, quorum = tally.standing, tally.quorum
    draft.clear(task.ordinal)
    draft.disarm_nudge(task)
    counted: dict[str, Json] = {
        "approvals": standing.approvals,
        "rejections": standing.rejections,
    }
    if tally.is_reached:
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
