"""SYSTEM tasks: call the registered Python function that the task names."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import replace
from typing import Any

from executor.functions import Function, Functions, Registered, TaskContext, TaskFailed
from executor.functions.shapes import NotOfShape
from executor.handlers import missing
from executor.heartbeats import Heartbeats
from executor.ports import Ports
from executor.ports.control_plane import Held
from shared.json import Json
from shared.tasks import ClaimedTask, Failure, Outcome, TaskType


class SystemHandler:
    """`threads` carries out the plain functions, so that none of them holds up the loop."""

    def __init__(self, functions: Functions, threads: Executor, heartbeats: Heartbeats) -> None:
        self._functions = functions
        self._threads = threads
        self._heartbeats = heartbeats

    def can_handle(self, type: TaskType) -> bool:  # noqa: A002 - a task's type is its type
        return type is TaskType.SYSTEM

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """
        Call the function with what it takes. An input or an output that is not as the function
        says fails for good: the same would come of another attempt.
        """
        registered = self._functions.get(task.function or "")
        if registered is None:
            return Outcome.failed(
                missing(
                    f"this executor has no function {task.function!r};"
                    " add its registry to FOLIOT_FUNCTIONS, or its package to FOLIOT_PLUGINS"
                )
            )
        try:
            value = task.input if registered.takes is None else registered.takes.read(task.input)
        except NotOfShape as wrong:
            return _not_of_shape(
                "system.input", f"the input is not what {task.function} takes", wrong
            )
        try:
            output = await self._called(registered, value, task, ports)
        except TaskFailed as failed:
            return Outcome.failed(failed.failure)
        try:
            return Outcome.succeeded(
                output if registered.gives is None else registered.gives.write(output)
            )
        except NotOfShape as wrong:
            return _not_of_shape(
                "system.output", f"{task.function} gave something else than it says it gives", wrong
            )

    async def _called(
        self, registered: Registered, value: Any, task: ClaimedTask, ports: Ports
    ) -> Any:
        held = Held.of(task)

        def beat(progress: Json) -> None:
            self._heartbeats.beat(held, ports.secrets.redacted_json(progress))

        context = _context_of(task, ports, beat)
        try:
            if registered.is_async:
                return await registered.function(value, context)
            return await self._in_thread(registered.function, value, context)
        finally:
            context.stopped.set()

    async def _in_thread(self, function: Function, value: Any, context: TaskContext) -> Any:
        call = contextvars.copy_context().run
        loop = asyncio.get_running_loop()
        waits = _Waits(loop)
        waiting = replace(context, on_wait=waits)
        try:
            return await loop.run_in_executor(
                self._threads, call, _answer, function, value, waiting
            )
        finally:
            waits.end()


class _Waits:
    """What a function in a thread waits for, carried out on the loop and ended with the attempt."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._open: set[Future[Any]] = set()
        self._has_ended = False

    def __call__(self, work: Coroutine[Any, Any, Any]) -> Any:
        with self._lock:
            if self._has_ended:
                work.close()
                raise CancelledError
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
            self._open.add(future)
        try:
            return future.result()
        finally:
            with self._lock:
                self._open.discard(future)

    def end(self) -> None:
        """Nobody wants any of it any more."""
        with self._lock:
            self._has_ended = True
            left = tuple(self._open)
        for future in left:
            future.cancel()


def _answer(function: Function, value: Any, context: TaskContext) -> Any:
    """The function's answer. A StopIteration would never leave its future, and hang the attempt."""
    try:
        return function(value, context)
    except StopIteration as error:
        raise RuntimeError(f"the function raised StopIteration: {error}") from error


def _not_of_shape(kind: str, what: str, wrong: NotOfShape) -> Outcome:
    return Outcome.failed(
        Failure(
            kind=kind,
            message=f"{what}: {wrong}",
            retryable=False,
            details={"violations": dict(wrong.violations)},
        )
    )


def _context_of(
    task: ClaimedTask, ports: Ports, on_heartbeat: Callable[[Json], None]
) -> TaskContext:
    return TaskContext(
        tenant_id=task.tenant_id,
        instance_id=task.instance_id,
        task_id=task.task_id,
        name=task.name,
        attempt=task.attempt,
        max_attempts=task.max_attempts,
        idempotency_key=task.idempotency_key,
        trace_id=task.trace_id,
        ports=ports,
        last_progress=task.last_progress,
        on_heartbeat=on_heartbeat,
    )
