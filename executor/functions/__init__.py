"""
What SYSTEM tasks call: Python functions under a name.

    functions = Functions()

    @functions.register("greet")
    async def greet(input: Json, context: TaskContext) -> Json:
        return f"hello {input}"

A plain function runs in a thread, a coroutine function on the event loop, where it must
not block. What it returns is the task's output; what it raises fails the attempt. A
function may run more than once for one task: give `context.idempotency_key` to whatever
it changes.
"""

import inspect
import threading
from collections.abc import Awaitable, Callable, ItemsView, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import TypeAlias, TypeVar
from uuid import UUID

from shared.errors import InvalidRequest
from shared.ids import InstanceId, TenantId
from shared.json import Json
from shared.tasks import Failure

MAX_FUNCTIONS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskContext:
    """What a function knows of the task it carries out."""

    tenant_id: TenantId
    instance_id: InstanceId
    task_id: str
    name: str
    attempt: int
    max_attempts: int
    idempotency_key: UUID
    trace_id: str | None
    last_progress: Json = None
    """What the attempt before told by `heartbeat` last: where to go on. None if it told nothing."""
    on_heartbeat: Callable[[Json], None] = lambda _: None
    stopped: threading.Event = field(default_factory=threading.Event)
    """Set when the attempt is not wanted any more. Nothing can stop a thread from outside:
    a function that runs long in one should look at it."""

    def heartbeat(self, progress: Json = None) -> None:
        """
        Say that the attempt goes on, and what it is at: GetTask shows it, at most 16 KiB. From
        any thread, and as often as you like; it is sent twice a second at most. A task with a
        `heartbeat` timeout fails if its function does not for so long. The next attempt, if there
        is one, finds what was said last as `last_progress`.
        """
        self.on_heartbeat(progress)


class TaskFailed(Exception):
    """
    Raise it from a function to say how the attempt failed, instead of `system.raised`.

    `kind` is dotted words in lower case, as `payment.declined`; what is none is made one,
    `PaymentDeclined` becoming `payment_declined`. What is too long is cut.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        retryable: bool = True,
        details: Json = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.failure = Failure(
            kind=kind,
            message=message,
            retryable=retryable,
            details=details,
            retry_after=retry_after,
        )


Function: TypeAlias = Callable[["Json", TaskContext], "Json | Awaitable[Json]"]
AnyFunction = TypeVar("AnyFunction", bound=Function)


class Functions:
    """Functions by name."""

    def __init__(self, functions: Mapping[str, Function] | None = None) -> None:
        self._functions: dict[str, Function] = {}
        for name, function in (functions or {}).items():
            self.add(name, function)

    def register(self, name: str) -> Callable[[AnyFunction], AnyFunction]:
        """Put the function below under a name."""

        def registered(function: AnyFunction) -> AnyFunction:
            self.add(name, function)
            return function

        return registered

    def add(self, name: str, function: Function) -> None:
        """Put a function under a name. Raises InvalidRequest if it belongs to another already."""
        if self._functions.get(name, function) is not function:
            raise InvalidRequest(
                f"two functions are registered as {name!r}; give one of them another name",
                field="functions",
            )
        if len(self._functions) == MAX_FUNCTIONS:
            raise InvalidRequest(
                f"an executor has at most {MAX_FUNCTIONS} functions; spread them over queues",
                field="functions",
            )
        self._functions[name] = function

    def get(self, name: str) -> Function | None:
        return self._functions.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def items(self) -> ItemsView[str, Function]:
        return self._functions.items()

    def including(self, other: "Functions") -> "Functions":
        """The functions of both."""
        both = Functions(self._functions)
        for name, function in other.items():
            both.add(name, function)
        return both


def is_async(function: Function) -> bool:
    """Whether the function runs on the event loop and not in a thread."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__
    )


def load_functions(path: str) -> Functions:
    """The registry that an import path `package.module:registry` names."""
    module_name, colon, name = path.partition(":")
    if not colon:
        raise InvalidRequest(
            f"{path!r} names no registry; write it as 'package.module:registry'", field="functions"
        )
    try:
        found = getattr(import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise InvalidRequest(
            f"{path!r} cannot be imported: {error}; is its folder on PYTHONPATH?",
            field="functions",
        ) from error
    if not isinstance(found, Functions):
        raise InvalidRequest(
            f"{path!r} is a {type(found).__name__}, not executor.functions.Functions",
            field="functions",
        )
    return found
