"""
What people say of a task: append-only, in the instance's history and by itself.
"""

from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.fold_people import record
from control_plane.orchestrator.request import CommentOn
from control_plane.ports.records import Task
from control_plane.ports.standing import Standing
from shared.errors import LimitExceeded, NotFound
from shared.ids import task_id

MAX_COMMENTS = 1_000
"""Comments on one task."""


def comment(draft: Draft, asked: CommentOn, task: Task | None) -> Answer:
    """Also on a task that has ended, by whoever may see it."""
    if task is None:
        raise NotFound("task", task_id(draft.before.instance_id, asked.ordinal))
    task = draft.as_dealt(task)
    if not asked.person.may_see(task):
        raise NotFound("task", task.task_id)
    standing = Standing.of(task.standing)
    if standing.comments >= MAX_COMMENTS:
        raise LimitExceeded(
            "comments on one task", actual=standing.comments + 1, maximum=MAX_COMMENTS
        )
    draft.stand(task, standing.commented())
    record(draft, task, "TASK_COMMENTED", asked.person, comment=asked.text)
    draft.comment(task, asked.person.user, asked.text)
    return draft.answer()
