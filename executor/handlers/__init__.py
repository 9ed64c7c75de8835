"""
Handlers carry out tasks, one a task type; each is a file beside this one.
"""

from collections.abc import Sequence
from typing import Protocol

from executor.ports import Ports
from shared.tasks import ClaimedTask, Failure, Outcome, TaskType


class Handler(Protocol):
    def can_handle(self, type: TaskType) -> bool:  # noqa: A002 - a task's type is its type
        """Whether tasks of the type are this handler's."""

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """
        Carry out one attempt, reaching the outside through `ports` only.

        May raise: the runner makes a failure of it. Is cancelled when the attempt takes
        too long or is not wanted any more. Runs at least once a task: `task.idempotency_key`
        is what repeats have in common.
        """


class Handlers:
    """The handlers an executor has."""

    def __init__(self, handlers: Sequence[Handler]) -> None:
        self._by_type = {
            type_: handler
            for type_ in TaskType
            for handler in handlers
            if handler.can_handle(type_)
        }

    @property
    def types(self) -> tuple[TaskType, ...]:
        """The task types to claim."""
        return tuple(self._by_type)

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """Let the task's handler carry it out. Without one the attempt fails, for others to try."""
        handler = self._by_type.get(task.type)
        if handler is None:
            return Outcome.failed(missing(f"this executor has no handler for {task.type} tasks"))
        return await handler.execute(task, ports)


def missing(message: str) -> Failure:
    """The failure of a task that another executor, or a newer one, may be able to carry out."""
    return Failure(kind="handler.missing", message=message)
