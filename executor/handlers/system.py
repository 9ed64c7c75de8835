"""SYSTEM tasks: call the registered Python function that the task names."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from functools import partial
from typing import cast

from executor.functions import Function, Functions, TaskContext, TaskFailed, is_async
from executor.handlers import missing
from executor.heartbeats import Heartbeats
from executor.ports import Ports
from executor.ports.control_plane import Held
from shared.json import Json
from shared.tasks import ClaimedTask, Outcome, TaskType


class SystemHandler:
    """`threads` carries out the plain functions, so that none of them holds up the loop."""

    def __init__(self, functions: Functions, threads: Executor, heartbeats: Heartbeats) -> None:
        self._functions = functions
        self._threads = threads
        self._heartbeats = heartbeats

    def can_handle(self, type: TaskType) -> bool:  # noqa: A002 - a task's type is its type
        return type is TaskType.SYSTEM

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:  # noqa: ARG002 - functions bring their own
        function = self._functions.get(task.function or "")
        if function is None:
            return Outcome.failed(
                missing(
                    f"this executor has no function {task.function!r};"
                    " add its registry to FOLIOT_FUNCTIONS"
                )
            )
        context = _context_of(task, partial(self._heartbeats.beat, Held.of(task)))
        try:
            if is_async(function):
                output = await cast("Awaitable[Json]", function(task.input, context))
            else:
                output = await self._in_thread(function, task.input, context)
        except TaskFailed as failed:
            return Outcome.failed(failed.failure)
        finally:
            context.stopped.set()
        return Outcome.succeeded(output)

    async def _in_thread(self, function: Function, value: Json, context: TaskContext) -> Json:
        call = contextvars.copy_context().run
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, call, _called, function, value, context)


def _called(function: Function, value: Json, context: TaskContext) -> Json:
    """The function's answer. A StopIteration would never leave its future, and hang the attempt."""
    try:
        return cast("Json", function(value, context))
    except StopIteration as error:
        raise RuntimeError(f"the function raised StopIteration: {error}") from error


def _context_of(task: ClaimedTask, on_heartbeat: Callable[[Json], None]) -> TaskContext:
    return TaskContext(
        tenant_id=task.tenant_id,
        instance_id=task.instance_id,
        task_id=task.task_id,
        name=task.name,
        attempt=task.attempt,
        max_attempts=task.max_attempts,
        idempotency_key=task.idempotency_key,
        trace_id=task.trace_id,
        last_progress=task.last_progress,
        on_heartbeat=on_heartbeat,
    )
