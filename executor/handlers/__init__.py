"""
Handlers carry out tasks, one a task type; each is a file beside this one.
"""

from collections.abc import Sequence
from typing import Protocol

from executor.ports import Ports
from shared.errors import InvalidRequest
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
    """
    The handlers an executor has. What `instead` handles, it handles in the place of the others.

    Raises InvalidRequest if two of the same rank handle one type.
    """

    def __init__(self, handlers: Sequence[Handler], instead: Sequence[Handler] = ()) -> None:
        by_type = {**_by_type(handlers), **_by_type(instead)}
        self._by_type = {type_: by_type[type_] for type_ in TaskType if type_ in by_type}

    @property
    def types(self) -> tuple[TaskType, ...]:
        """The task types to claim."""
        return tuple(self._by_type)

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """Let the task's handler carry it out. Without one the attempt fails, for others to try."""
        handler = self._by_type.get(task.type)
        if handler is None:
            return Outcome.failed(missing(f"this executor has no handler for {task.type} tasks"))
        outcome = await handler.execute(task, ports)
        if not isinstance(outcome, Outcome):
            raise TypeError(
                f"the handler gave a {type(outcome).__name__}, and has to give an Outcome"
            )
        return outcome


def _by_type(handlers: Sequence[Handler]) -> dict[TaskType, Handler]:
    found: dict[TaskType, Handler] = {}
    for handler in handlers:
        for type_ in filter(handler.can_handle, TaskType):
            if found.setdefault(type_, handler) is not handler:
                raise InvalidRequest(
                    f"{type(found[type_]).__qualname__} and {type(handler).__qualname__} both"
                    f" handle {type_} tasks; leave one of them out",
                    field="handlers",
                )
    return found


def missing(message: str) -> Failure:
    """The failure of a task that another executor, or a newer one, may be able to carry out."""
    return Failure(kind="handler.missing", message=message)
