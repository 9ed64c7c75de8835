"""
A human task in another's hands for a while: delegated by whoever has it, and given back.
"""

from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.fold_people import check_holder, not_claimed, open_human, record
from control_plane.orchestrator.request import Delegate, GiveBack
from control_plane.orchestrator.separating import check_separate, check_single_hand
from control_plane.ports.records import Task
from control_plane.ports.standing import Standing
from shared.errors import LimitExceeded, PreconditionFailed

MAX_LENDERS = 10
"""How often a task may be delegated on before it is given back."""


def delegate(draft: Draft, asked: Delegate, task: Task | None) -> Answer:
    """By whoever has it, or by an operator in their place. To whoever has it changes nothing."""
    task = open_human(draft, asked.ordinal, task, asked.person)
    check_single_hand(task)
    holder = draft.assignee_of(task)
    if holder == asked.to:
        return draft.answer(duplicate=True)
    if holder is None:
        raise not_claimed(task)
    check_holder(task, holder, asked.person, asked.reason)
    check_separate(draft, task, asked.to)
    standing = Standing.of(task.standing)
    if len(standing.lenders) >= MAX_LENDERS:
        raise LimitExceeded(
            "delegations of one task", actual=len(standing.lenders) + 1, maximum=MAX_LENDERS
        )
    draft.assign(task, asked.to)
    draft.stand(task, standing.lent_by(holder))
    told = {"assignee": asked.to, "from": holder}
    record(draft, task, "TASK_DELEGATED", asked.person, reason=asked.reason, **told)
    return draft.answer()


def give_back(draft: Draft, asked: GiveBack, task: Task | None) -> Answer:
    """By whoever has it, to who delegated it to them."""
    task = open_human(draft, asked.ordinal, task, asked.person)
    holder, standing = draft.assignee_of(task), Standing.of(task.standing)
    if holder is None or not standing.lenders:
        raise PreconditionFailed(
            f"task {task.task_id} was not delegated; whoever has it can unclaim it",
            reason="TASK_NOT_DELEGATED",
            metadata={"task_id": task.task_id},
        )
    check_holder(task, holder, asked.person, asked.reason)
    lender = standing.lenders[-1]
    draft.assign(task, lender)
    draft.stand(task, standing.given_back())
    told = {"assignee": lender, "from": holder}
    record(draft, task, "TASK_RETURNED", asked.person, reason=asked.reason, **told)
    return draft.answer()
