"""Functions that say what they take and give, and are held to it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from executor.functions import Functions, TaskContext
from executor.handlers.system import SystemHandler
from executor.heartbeats import Heartbeats
from executor.ports.control_plane import Held
from executor.ports.secrets import SecretMissing
from shared.errors import InvalidRequest
from shared.json import Json
from shared.tasks import Outcome
from tests.executor.ports import canned_ports
from tests.executor.work import a_task


class Line(BaseModel):
    """A line of an order."""

    article: str
    count: Annotated[int, Field(gt=0)]


class Charge(BaseModel):
    """What there is to pay."""

    amount: Decimal
    due: date
    lines: list[Line] = []


class Receipt(BaseModel):
    """That it was paid."""

    paid: Decimal
    day: date


@dataclass
class Parcel:
    """What is sent."""

    weight: float


SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {"a/b": {"type": "array", "items": {"type": "integer"}}},
    "required": ["a/b"],
    "additionalProperties": False,
}


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Where plain functions run."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def functions() -> Functions:
    """A registry."""
    return Functions()


async def called(
    threads: ThreadPoolExecutor,
    functions: Functions,
    given: Json,
    heartbeats: Heartbeats | None = None,
) -> Outcome:
    """The outcome of the one function."""
    [name] = functions
    handler = SystemHandler(functions, threads, heartbeats or Heartbeats())
    secrets = {"acme": {"key": "correct horse"}, "globex": {"theirs": "battery staple"}}
    return await handler.execute(a_task(function=name, input=given), canned_ports(secrets=secrets))


def failure_of(outcome: Outcome) -> tuple[str, bool, Json]:
    """Its kind, whether another attempt may help, and where the input or output is wrong."""
    assert outcome.failure is not None
    assert isinstance(outcome.failure.details, dict)
    return outcome.failure.kind, outcome.failure.retryable, outcome.failure.details["violations"]


class TestATypedFunction:
    @pytest.mark.parametrize("is_plain", [True, False])
    async def test_is_given_and_gives_what_it_is_annotated_with(
        self, threads: ThreadPoolExecutor, functions: Functions, *, is_plain: bool
    ) -> None:
        """By the rules of JSON: amounts are texts, days too."""

        def charge(input: Charge, context: TaskContext) -> Receipt:  # noqa: A002
            return Receipt(paid=input.amount * input.lines[0].count, day=input.due)

        async def charge_later(input: Charge, context: TaskContext) -> Receipt:  # noqa: A002
            return charge(input, context)

        functions.add("charge", charge if is_plain else charge_later)
        given: Json = {
            "amount": "1.10",
            "due": "2026-02-03",
            "lines": [{"article": "x", "count": 2}],
        }

        assert Outcome.succeeded({"paid": "2.20", "day": "2026-02-03"}) == await called(
            threads, functions, given
        )

    async def test_does_not_begin_with_an_input_it_does_not_take(
        self, threads: ThreadPoolExecutor, functions: Functions
    ) -> None:
        """Each place is told, and no other attempt is made."""
        began = []

        @functions.register("charge")
        async def charge(input: Charge, context: TaskContext) -> Json:  # noqa: A002
            began.append(input)
            return None

        outcome = await called(
            threads, functions, {"due": "soon", "lines": [{"article": 1, "count": 0}]}
        )
        kind, is_retryable, violations = failure_of(outcome)
        assert isinstance(violations, dict)

        assert ("system.input", False, []) == (kind, is_retryable, began)
        assert ["/amount", "/due", "/lines/0/article", "/lines/0/count"] == list(violations)

    @pytest.mark.parametrize(
        ("gives", "answer", "place"),
        [
            (Receipt, {"paid": "1"}, "/day"),
            (Receipt, Receipt.model_construct(paid="much"), "/day"),
            (list[int], [1, "x"], "/1"),
            (None | int, 1.5, ""),
            (SCHEMA, {"a/b": [1, "x"]}, "/a~1b/1"),
            (SCHEMA, {"a/b": {1}}, ""),
            (SCHEMA, {"c": 1}, "/a~1b"),
        ],
    )
    async def test_fails_for_good_with_an_output_it_does_not_say_it_gives(
        self,
        threads: ThreadPoolExecutor,
        functions: Functions,
        gives: Any,
        answer: object,
        place: str,
    ) -> None:
        """Definitions rely on it, and it would be the same again."""
        functions.add("give", lambda *_: answer, output=gives)
        kind, is_retryable, violations = failure_of(await called(threads, functions, None))
        assert isinstance(violations, dict)

        assert ("system.output", False) == (kind, is_retryable)
        assert place in violations or (place == "/day" and "" in violations)

    @pytest.mark.parametrize(
        ("takes", "given", "place"),
        [
            (SCHEMA, {"a/b": ["1"]}, "/a~1b/0"),
            (Parcel, {"weight": "heavy"}, "/weight"),
            (int | list[int], ["1", "x"], "/1"),
            (dict[str, list[Line]], {"a": [{"article": "x"}]}, "/a/0/count"),
        ],
    )
    async def test_may_say_what_it_takes_in_other_ways(
        self,
        threads: ThreadPoolExecutor,
        functions: Functions,
        takes: Any,
        given: Json,
        place: str,
    ) -> None:
        """As a JSON Schema, a dataclass, or by pydantic's other types."""
        functions.add("take", lambda *_: None, input=takes)
        _, _, violations = failure_of(await called(threads, functions, given))
        assert isinstance(violations, dict)

        assert place in violations

    @pytest.mark.parametrize("annotation", ["Json", Json, Any, object])
    async def test_that_says_json_is_given_anything(
        self, threads: ThreadPoolExecutor, functions: Functions, annotation: Any
    ) -> None:
        """And what it gives is its own business."""

        def echo(value: Any, context: TaskContext) -> Any:
            return value

        echo.__annotations__ |= {"value": annotation, "return": annotation}
        functions.add("echo", echo)

        assert Outcome.succeeded({"a": [1]}) == await called(threads, functions, {"a": [1]})

    @pytest.mark.parametrize(
        ("takes", "says"),
        [
            (threading.Event, "pydantic cannot check"),
            ({"$ref": "#/x"}, r"/\$ref"),
            ({"type": "sometimes"}, "JSON Schema"),
        ],
    )
    def test_that_cannot_be_checked_is_refused_at_the_start(
        self, functions: Functions, takes: Any, says: str
    ) -> None:
        """And not at the first task."""
        with pytest.raises(InvalidRequest, match=says):
            functions.add("take", lambda *_: None, input=takes)

    def test_whose_annotation_is_out_of_sight_is_refused_with_a_remedy(
        self, functions: Functions
    ) -> None:
        """A type that a function's own function made can be found by nobody else."""

        def take(value: Any, context: TaskContext) -> None: ...

        take.__annotations__["value"] = "Nowhere"
        with pytest.raises(InvalidRequest, match="top of the module"):
            functions.add("take", take)


class TestAFunctionsPorts:
    async def test_are_its_tenants(self, threads: ThreadPoolExecutor, functions: Functions) -> None:
        """It can ask for its own secrets, and for nobody else's."""

        @functions.register("ask")
        async def ask(value: Json, context: TaskContext) -> Json:
            found = await context.secrets.resolve("key")
            with pytest.raises(SecretMissing):
                await context.secrets.resolve("theirs")
            return len(found)

        assert Outcome.succeeded(13) == await called(threads, functions, None)

    async def test_are_for_a_plain_function_too(
        self, threads: ThreadPoolExecutor, functions: Functions
    ) -> None:
        """What is awaited elsewhere, it waits for; and an error is an error."""

        @functions.register("ask")
        def ask(value: Json, context: TaskContext) -> Json:
            with pytest.raises(SecretMissing):
                context.wait(context.secrets.resolve("theirs"))
            return len(context.wait(context.secrets.resolve("key")))

        assert Outcome.succeeded(13) == await called(threads, functions, None)

    async def test_are_not_waited_for_on_the_event_loop(
        self, threads: ThreadPoolExecutor, functions: Functions
    ) -> None:
        """It would wait for itself, for ever."""

        @functions.register("ask")
        async def ask(value: Json, context: TaskContext) -> Json:
            with pytest.raises(RuntimeError, match="await"):
                context.wait(context.secrets.resolve("key"))
            return None

        assert Outcome.succeeded(None) == await called(threads, functions, None)

    async def test_are_let_go_when_the_attempt_is_not_wanted(
        self, threads: ThreadPoolExecutor, functions: Functions
    ) -> None:
        """A thread that waits for the web ends with its attempt, and cannot begin anew."""
        seen: list[str] = []
        began, ended = threading.Event(), threading.Event()

        def waiting(what: Callable[[], Any]) -> None:
            try:
                what()
            except CancelledError:
                seen.append("let go")

        @functions.register("ask")
        def ask(value: Json, context: TaskContext) -> Json:
            async def for_ever() -> None:
                began.set()
                await asyncio.Event().wait()

            waiting(lambda: context.wait(for_ever()))
            waiting(lambda: context.wait(for_ever()))
            ended.set()
            return None

        attempt = asyncio.ensure_future(called(threads, functions, None))
        await asyncio.to_thread(began.wait, 10)
        attempt.cancel()
        await asyncio.wait([attempt])
        await asyncio.to_thread(ended.wait, 10)

        assert ["let go", "let go"] == seen

    async def test_leave_no_secret_in_its_progress(
        self, threads: ThreadPoolExecutor, functions: Functions
    ) -> None:
        """GetTask shows it."""
        heartbeats = Heartbeats()

        @functions.register("ask")
        async def ask(value: Json, context: TaskContext) -> Json:
            context.heartbeat({"with": await context.secrets.resolve("key")})
            return None

        await called(threads, functions, None, heartbeats)

        assert {Held.of(a_task()): '{"with":"***"}'} == heartbeats.take()
