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

One that is annotated with types is given those, and held to what it says it gives:

    @functions.register("charge")
    async def charge(input: Charge, context: TaskContext) -> Receipt:
"""

import inspect
import threading
from collections.abc import Callable, Coroutine, ItemsView, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from executor.functions.shapes import Described, Shape, shapes_of
from executor.ports import Ports
from executor.ports.http import Http
from executor.ports.object_storage import Objects
from executor.ports.secrets import Secrets
from shared.errors import InvalidRequest
from shared.ids import InstanceId, TenantId
from shared.json import Json
from shared.tasks import Failure

MAX_FUNCTIONS = 1_000
NO_OBJECTS = "this executor has no storage of objects; set FOLIOT_OBJECTS_URL"

Answer = TypeVar("Answer")


def _nothing_to_wait_with(work: Coroutine[Any, Any, Any]) -> Any:
    work.close()
    raise RuntimeError("only a function that runs in a thread can wait; elsewhere, `await` it")


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
    ports: Ports
    """What it may reach, for the tenant of its task."""
    last_progress: Json = None
    """What the attempt before told by `heartbeat` last: where to go on. None if it told nothing."""
    on_heartbeat: Callable[[Json], None] = lambda _: None
    on_wait: Callable[[Coroutine[Any, Any, Any]], Any] = _nothing_to_wait_with
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

    @property
    def http(self) -> Http:
        """The web, as HTTP tasks reach it: what is refused to them is refused here."""
        return self.ports.http

    @property
    def secrets(self) -> Secrets:
        """The tenant's secrets. What is resolved is kept out of logs and out of the output."""
        return self.ports.secrets

    @property
    def objects(self) -> Objects:
        """
        The tenant's objects: what is too large for an output, or comes as a reference in the input.
        Raises TaskFailed where the executor has no storage of objects.
        """
        if self.ports.objects is None:
            raise TaskFailed("objects.missing", NO_OBJECTS)
        return self.ports.objects

    def wait(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """
        What a coroutine gives, for a plain function: `context.wait(context.secrets.resolve("x"))`.

        Raises what the coroutine raises, and CancelledError (of concurrent.futures) once the
        attempt is not wanted any more.
        """
        answer: Answer = self.on_wait(work)
        return answer


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


Function: TypeAlias = Callable[..., Any]
AnyFunction = TypeVar("AnyFunction", bound=Function)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A function, and what it takes and gives; None where that may be any JSON."""

    function: Function
    is_async: bool
    """Whether it runs on the event loop and not in a thread."""
    takes: Shape | None
    gives: Shape | None


class Functions:
    """Functions by name."""

    def __init__(self, functions: Mapping[str, Function] | None = None) -> None:
        self._functions: dict[str, Registered] = {}
        for name, function in (functions or {}).items():
            self.add(name, function)

    def register(
        self,
        name: str,
        *,
        input: Described = None,  # noqa: A002 - a task's input is its input
        output: Described = None,
    ) -> Callable[[AnyFunction], AnyFunction]:
        """Put the function below under a name; `add` says the rest."""

        def registered(function: AnyFunction) -> AnyFunction:
            self.add(name, function, input=input, output=output)
            return function

        return registered

    def add(
        self,
        name: str,
        function: Function,
        *,
        input: Described = None,  # noqa: A002 - a task's input is its input
        output: Described = None,
    ) -> None:
        """
        Put a function under a name. What it takes and gives are types or JSON Schemas, those of
        its annotations unless they are told here; without, or as Json, they are not looked at.

        Raises InvalidRequest if the name belongs to another already, or a type cannot be checked.
        """
        takes, gives = shapes_of(name, function, input, output)
        self._put(
            name,
            Registered(function=function, is_async=is_async(function), takes=takes, gives=gives),
        )

    def get(self, name: str) -> Registered | None:
        return self._functions.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def items(self) -> ItemsView[str, Registered]:
        return self._functions.items()

    def including(self, other: "Functions") -> "Functions":
        """The functions of both. Raises InvalidRequest if they have a name for two functions."""
        both = Functions()
        for name, registered in (*self.items(), *other.items()):
            both._put(name, registered)
        return both

    def _put(self, name: str, registered: Registered) -> None:
        already = self._functions.get(name)
        if already is not None and already.function is not registered.function:
            raise InvalidRequest(
                f"two functions are registered as {name!r}, {_place_of(already.function)} and"
                f" {_place_of(registered.function)}; give one of them another name",
                field="functions",
            )
        if already is None and len(self._functions) == MAX_FUNCTIONS:
            raise InvalidRequest(
                f"an executor has at most {MAX_FUNCTIONS} functions; spread them over queues",
                field="functions",
            )
        self._functions[name] = registered


def is_async(function: Function) -> bool:
    """Whether the function runs on the event loop and not in a thread."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__
    )


def _place_of(function: Function) -> str:
    kind = type(function)
    return f"{getattr(function, '__module__', kind.__module__)}." + str(
        getattr(function, "__qualname__", kind.__qualname__)
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
