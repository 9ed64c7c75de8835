"""
Who may not decide a task, and what a single person may not.

All of it is held against what this turn writes: who decided a task before is read after the
instance, and whoever is added since has changed its revision.
"""

from control_plane.orchestrator.draft import Draft
from control_plane.ports.duties import STARTER
from control_plane.ports.people import Person, Terms
from control_plane.ports.records import Task
from shared.errors import InvalidRequest, PreconditionFailed
from shared.tasks import TaskType


def check_separate(draft: Draft, task: Task, user: str, name: str = "") -> None:
    """
    Raises PreconditionFailed where the task is not for this user. `name` is how histories name
    them, where that is known.
    """
    not_by = Terms.of(task.terms).not_by
    if not_by is None:
        return
    why = ""
    started_by = draft.before.started_by
    if user in not_by.users:
        why = "it says so by name"
    elif not_by.starter and (started_by in {user, name} or draft.has_decided(STARTER, user)):
        why = "they started its instance"
    else:
        decided = next((one for one in not_by.tasks if draft.has_decided(one, user)), None)
        if decided is not None:
            why = f"they decided {decided!r}"
    if why:
        raise PreconditionFailed(
            f"task {task.task_id} is not for {user!r}: {why}; somebody else has to decide it",
            reason="TASK_SEPARATED",
            metadata={"task_id": task.task_id, "user": user},
        )


def check_single_hand(task: Task) -> None:
    """Raises PreconditionFailed for a task that several people vote on."""
    if Terms.of(task.terms).quorum is not None:
        raise PreconditionFailed(
            f"task {task.task_id} is voted on: nobody has it, and nobody ends it alone; vote on it",
            reason="TASK_VOTED_ON",
            metadata={"task_id": task.task_id},
        )


def check_may_decide(
    draft: Draft, task: Task, person: Person | None, reason: str, *, is_well: bool
) -> None:
    """Whether a person may end the task alone, who may see it and whose it is."""
    if person is None:
        return
    if Terms.of(task.terms).quorum is not None:
        if is_well or not person.manages:
            check_single_hand(task)
        if not reason:
            raise InvalidRequest(
                f"task {task.task_id} is voted on; say why you end it before those who vote",
                field="reason",
            )
    check_separate(draft, task, person.user, person.name)


def record_decider(draft: Draft, task: Task, person: Person | None) -> None:
    """From now on tasks that are not for whoever decided this one are not for this person."""
    if person is not None and task.type is TaskType.HUMAN:
        draft.decide_by(task.name, person.user)
