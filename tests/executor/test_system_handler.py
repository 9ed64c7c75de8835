"""The SYSTEM handler and the functions it calls."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from executor.functions import Functions, TaskContext, TaskFailed, load_functions
from executor.functions.builtin import functions as builtin
from executor.handlers.system import SystemHandler
from executor.heartbeats import Heartbeats
from executor.ports.control_plane import Held
from shared.errors import InvalidRequest
from shared.json import Json
from shared.tasks import Outcome
from tests.executor.ports import canned_ports
from tests.executor.work import a_task


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Where plain functions run."""
    with ThreadPoolExecutor(2, thread_name_prefix="function") as pool:
        yield pool


async def called(
    threads: ThreadPoolExecutor,
    functions: Functions,
    name: str | None,
    input_: Json = None,
    attempt: int = 1,
    heartbeats: Heartbeats | None = None,
) -> Outcome:
    """The outcome of one attempt."""
    task = a_task(function=name, input=input_, attempt=attempt)
    handler = SystemHandler(functions, threads, heartbeats or Heartbeats())
    return await handler.execute(task, canned_ports())


class TestAFunction:
    async def test_that_is_plain_runs_in_a_thread(self, threads: ThreadPoolExecutor) -> None:
        """It may block without holding up anybody."""
        functions = Functions()

        @functions.register("where")
        def where(value: Json, context: TaskContext) -> Json:
            return [value, context.task_id, threading.current_thread().name.split("_")[0]]

        outcome = await called(threads, functions, "where", 1)

        assert Outcome.succeeded([1, a_task().task_id, "function"]) == outcome

    async def test_that_is_async_runs_on_the_loop(self, threads: ThreadPoolExecutor) -> None:
        """A class with an async __call__ is a coroutine function too."""
        here = threading.current_thread().name

        class Where:
            async def __call__(self, _: Json, __: TaskContext) -> Json:
                return threading.current_thread().name

        outcome = await called(threads, Functions({"where": Where()}), "where")

        assert Outcome.succeeded(here) == outcome

    async def test_says_itself_how_it_failed(self, threads: ThreadPoolExecutor) -> None:
        """A definition can tell its kinds of failure apart."""

        def declined(_: Json, __: TaskContext) -> Json:
            raise TaskFailed("payment.declined", "no funds", retryable=False, details={"code": 5})

        outcome = await called(threads, Functions({"pay": declined}), "pay")
        assert outcome.failure is not None

        assert ("payment.declined", "no funds", False, {"code": 5}) == (
            outcome.failure.kind,
            outcome.failure.message,
            outcome.failure.retryable,
            outcome.failure.details,
        )

    async def test_that_raises_stop_iteration_in_a_thread_does_not_hang(
        self, threads: ThreadPoolExecutor
    ) -> None:
        """A future cannot hold one, so that its attempt would never end."""

        def stops(_: Json, __: TaskContext) -> Json:
            raise StopIteration

        with pytest.raises(RuntimeError, match="StopIteration"):
            async with asyncio.timeout(5):
                await called(threads, Functions({"stops": stops}), "stops")

    async def test_that_is_cancelled_in_a_thread_is_told(self, threads: ThreadPoolExecutor) -> None:
        """Nothing else can stop a thread."""
        began = threading.Event()
        heard = threading.Event()

        def waits(_: Json, context: TaskContext) -> Json:
            began.set()
            if context.stopped.wait(10):
                heard.set()
            return None

        attempt = asyncio.ensure_future(called(threads, Functions({"waits": waits}), "waits"))
        await asyncio.to_thread(began.wait, 10)
        attempt.cancel()
        await asyncio.wait([attempt])

        assert await asyncio.to_thread(heard.wait, 10)

    @pytest.mark.parametrize("name", ["nobody", None])
    async def test_nobody_registered_is_left_to_another_executor(
        self, threads: ThreadPoolExecutor, name: str | None
    ) -> None:
        """During a deploy, some executors have it already."""
        outcome = await called(threads, Functions(), name)
        assert outcome.failure is not None

        assert ("handler.missing", True) == (outcome.failure.kind, outcome.failure.retryable)


class TestTheBuiltInFunctions:
    @pytest.mark.parametrize(
        ("name", "input_", "output"),
        [
            ("noop", {"a": 1}, None),
            ("echo", {"a": 1}, {"a": 1}),
            ("greet", {"name": "Ada"}, {"greeting": "Hello, Ada!"}),
            ("greet", None, {"greeting": "Hello, world!"}),
            ("fail", {"times": 0}, {"attempt": 1}),
        ],
    )
    async def test_do_what_they_say(
        self, threads: ThreadPoolExecutor, name: str, input_: Json, output: Json
    ) -> None:
        """They are what a first definition is tried with."""
        outcome = await called(threads, builtin, name, input_)

        assert Outcome.succeeded(output) == outcome

    @pytest.mark.parametrize(("attempt", "state"), [(1, "failed"), (2, "failed"), (3, "succeeded")])
    async def test_fail_as_often_as_asked(
        self, threads: ThreadPoolExecutor, attempt: int, state: str
    ) -> None:
        """To see a retry policy at work."""
        outcome = await called(threads, builtin, "fail", {"times": 2}, attempt)

        assert state == outcome.state


class TestARegistry:
    def test_is_found_by_its_import_path(self) -> None:
        """As FOLIOT_FUNCTIONS names it."""
        assert builtin is load_functions("executor.functions.builtin:functions")

    @pytest.mark.parametrize(
        "path",
        ["executor.functions.builtin", "no.such:thing", "executor.functions:nothing", "json:loads"],
    )
    def test_that_is_not_there_is_an_error(self, path: str) -> None:
        """At the start, not at the first task."""
        with pytest.raises(InvalidRequest):
            load_functions(path)

    def test_does_not_give_one_name_to_two_functions(self) -> None:
        """Which of them ran would depend on the order of imports."""
        functions = Functions({"a": lambda *_: 1})

        with pytest.raises(InvalidRequest, match="'a'"):
            functions.including(Functions({"a": lambda *_: 2}))


class TestAHeartbeat:
    @pytest.mark.parametrize("is_plain", [True, False])
    async def test_of_a_function_is_its_attempts(
        self, threads: ThreadPoolExecutor, *, is_plain: bool
    ) -> None:
        """From a thread or from the loop."""
        functions, heartbeats = Functions(), Heartbeats()

        def plain(_: Json, context: TaskContext) -> Json:
            context.heartbeat({"page": 3})
            return None

        async def on_the_loop(_: Json, context: TaskContext) -> Json:
            context.heartbeat({"page": 3})
            return None

        functions.add("crawl", plain if is_plain else on_the_loop)
        await called(threads, functions, "crawl", heartbeats=heartbeats)

        assert {Held.of(a_task()): '{"page":3}'} == heartbeats.take()

    async def test_of_the_attempt_before_is_known_to_the_next(
        self, threads: ThreadPoolExecutor
    ) -> None:
        """A function goes on where the one before it was."""
        functions = Functions({"crawl": lambda _, context: context.last_progress})
        task = replace(a_task(function="crawl"), last_progress={"page": 3})
        outcome = await SystemHandler(functions, threads, Heartbeats()).execute(
            task, canned_ports()
        )

        assert {"page": 3} == outcome.output
