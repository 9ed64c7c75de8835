"""One attempt: whatever the handler does, there is a report, and it fits on the wire."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from control_plane.api.mapping.outcomes import reported_from
from control_plane.use_cases.fail_task import check_failure
from control_plane.use_cases.report_outcomes import Failed
from executor.adapters.grpc_messages import outcome_message
from executor.functions import TaskFailed
from executor.handlers import Handlers
from executor.handlers.fitting import MAX_DETAILS_BYTES
from executor.handlers.human import HumanHandler
from executor.handlers.timer import TimerHandler
from executor.ports import Ports
from executor.ports.control_plane import Report
from executor.runner import Runner
from shared.json import MAX_PAYLOAD_BYTES, Json
from shared.tasks import ClaimedTask, Failure, Outcome, TaskType
from tests.executor.ports import StandingClock, canned
from tests.executor.work import NOON, a_task


class Handled:
    """A handler for SYSTEM tasks that does what the test says."""

    def __init__(self, do: Callable[[], Awaitable[Outcome]]) -> None:
        self._do = do

    def can_handle(self, type: TaskType) -> bool:  # noqa: A002 - a task's type is its type
        """SYSTEM tasks."""
        return type is TaskType.SYSTEM

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """As told."""
        return await self._do()


async def reported(do: Callable[[], Awaitable[Outcome]], task: ClaimedTask | None = None) -> Report:
    """The report of one attempt."""
    return await run(Handlers([Handled(do)]), task or a_task())


async def run(handlers: Handlers, task: ClaimedTask, clock: StandingClock | None = None) -> Report:
    """The report of one attempt by these handlers."""
    runner = Runner(handlers, canned(clock=clock))
    return await runner.run(task, runner.begin())


def giving(output: object) -> Callable[[], Awaitable[Outcome]]:
    """A handler that succeeds with something."""

    async def give() -> Outcome:
        # A function may return anything.
        return Outcome.succeeded(cast("Json", output))

    return give


def failing(failure: Failure) -> Callable[[], Awaitable[Outcome]]:
    """A handler that fails with something."""

    async def fail() -> Outcome:
        return Outcome.failed(failure)

    return fail


async def failed(failure: Failure) -> Failure:
    """The failure as it is reported."""
    sent = (await reported(failing(failure))).outcome.failure
    assert sent is not None
    return sent


class Mute(Exception):
    """It has no words."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def nested(depth: int) -> Json:
    """A list in a list in a list."""
    value: Json = 1
    for _ in range(depth):
        value = [value]
    return value


class TestAnAttempt:
    async def test_that_succeeds_is_reported_with_its_output(self) -> None:
        """As canonical text, with when it began and how long it took."""
        report = await reported(giving({"b": 1, "a": 2}))

        assert ("succeeded", '{"a":2,"b":1}', NOON) == (
            report.outcome.state,
            report.output,
            report.started_at,
        )
        assert timedelta() <= report.duration < timedelta(seconds=5)

    @pytest.mark.parametrize("error", [ValueError("no"), SystemExit("no"), TimeoutError("no")])
    async def test_that_raises_is_a_failure(self, error: BaseException) -> None:
        """A poisoned task must not end the executor, not even by sys.exit()."""

        async def fail() -> Outcome:
            raise error

        report = await reported(fail, a_task(timeout=timedelta(seconds=60)))
        failed = Failure(kind="system.raised", message=f"{type(error).__name__}: no")

        assert Outcome.failed(failed) == report.outcome

    async def test_that_is_cancelled_from_within_is_a_failure(self) -> None:
        """Nobody asked for it, so nobody would hear of it: the task would hang."""

        async def fail() -> Outcome:
            never: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            never.cancel()
            return await never

        report = await reported(fail)

        assert Outcome.failed(Failure(kind="system.raised", message="CancelledError: ")) == (
            report.outcome
        )

    async def test_that_takes_too_long_is_ended(self) -> None:
        """The task's own time limit, start to close."""

        async def sleep() -> Outcome:
            await asyncio.sleep(60)
            return Outcome.succeeded()

        report = await reported(sleep, a_task(timeout=timedelta(seconds=0.05)))

        assert (
            Outcome.failed(Failure(kind="timeout", message="the attempt took longer than 0.05 s"))
            == report.outcome
        )

    async def test_without_a_handler_is_left_to_another_executor(self) -> None:
        """A newer one may know the type."""
        report = await run(Handlers([]), a_task(TaskType.EMAIL))
        assert report.outcome.failure is not None

        assert ("handler.missing", True) == (
            report.outcome.failure.kind,
            report.outcome.failure.retryable,
        )


class TestAnOutput:
    async def test_is_sent_without_nul(self) -> None:
        """PostgreSQL stores none, and a task that succeeded must not fail for it."""
        report = await reported(giving({"body": "a\0b"}))

        assert ("succeeded", '{"body":"ab"}') == (report.outcome.state, report.output)

    @pytest.mark.parametrize(
        "output", [nested(32), {"a" * (MAX_PAYLOAD_BYTES - 8): 1}, "[" * 100, 2**63 - 1]
    )
    async def test_within_the_limits_is_kept(self, output: Json) -> None:
        """The limits themselves included."""
        report = await reported(giving(output))

        assert "succeeded" == report.outcome.state

    @pytest.mark.parametrize(
        ("output", "kind"),
        [
            (object(), "output.not_json"),
            ({1: 2}, "output.not_json"),
            (2**70, "output.not_json"),
            ("\ud800", "output.not_json"),
            (nested(33), "output.too_large"),
            (nested(1_000), "output.not_json"),
            ("ä" * (MAX_PAYLOAD_BYTES // 2), "output.too_large"),
        ],
    )
    async def test_that_cannot_be_sent_fails_the_task_for_good(
        self, output: object, kind: str
    ) -> None:
        """The same code would return the same again."""
        report = await reported(giving(output))
        assert report.outcome.failure is not None

        assert (kind, False, "null") == (
            report.outcome.failure.kind,
            report.outcome.failure.retryable,
            report.output,
        )


class TestAFailure:
    async def test_is_cut_to_what_the_wire_takes(self) -> None:
        """That it failed matters more than all of its words."""

        async def fail() -> Outcome:
            return Outcome.failed(
                Failure(
                    kind="k" * 100, message="\ud800" + "m" * 5_000, details="d" * MAX_DETAILS_BYTES
                )
            )

        report = await reported(fail)

        assert (
            Failure(kind="k" * 64, message="?" + "m" * 1_999, details=None)
            == report.outcome.failure
        )

    @pytest.mark.parametrize(
        ("kind", "sent"),
        [
            ("payment.declined", "payment.declined"),
            ("a_.-.b", "a_.-.b"),
            ("PaymentDeclined", "payment_declined"),
            ("payment declined!", "payment_declined"),
            (".3rd..Party.", "rd.party"),
            ("aB" * 40, "a" + "_ba" * 21),
            ("k" * 63 + ".x", "k" * 63),
            ("ümlaut", "mlaut"),
            ("\0", "unknown"),
            ("", "unknown"),
            (None, "unknown"),
            (Mute(), "mute_without_words_its___str___raises"),
        ],
    )
    async def test_is_of_a_kind_that_a_policy_can_name(self, kind: object, sent: str) -> None:
        """Dotted words in lower case; what is none is made one, and never the end of retries."""
        failure = await failed(Failure(kind=cast("str", kind), message=""))

        assert (sent, True) == (failure.kind, failure.retryable)

    @pytest.mark.parametrize(
        ("message", "sent"),
        [
            (ValueError("card"), "card"),
            (None, ""),
            (7, "7"),
            ("a\0b", "ab"),
            ("\0" * 3_000 + "m" * 3_000, "m" * 2_000),
            (Mute(), "<Mute without words: its __str__ raises>"),
        ],
    )
    async def test_has_a_message_whatever_was_given_for_one(
        self, message: object, sent: str
    ) -> None:
        """Functions hand over the exception they caught, and bodies with binary in them."""
        assert sent == (await failed(Failure(kind="k", message=cast("str", message)))).message

    @pytest.mark.parametrize(
        ("asked", "sent"),
        [
            (30, timedelta(seconds=30)),
            (0.5, timedelta(seconds=0.5)),
            (-1, timedelta()),
            (timedelta(seconds=-1), timedelta()),
            (timedelta.max, timedelta(hours=24)),
            (10**400, timedelta(hours=24)),
            (float("inf"), timedelta(hours=24)),
            (float("nan"), None),
            (True, None),
            ("30", None),
            (None, None),
        ],
    )
    async def test_asks_for_a_wait_that_can_be_granted(
        self, asked: object, sent: timedelta | None
    ) -> None:
        """A number is seconds; without one, the task's policy holds."""
        wish = Failure(kind="k", message="", retry_after=cast("timedelta", asked))

        assert sent == (await failed(wish)).retry_after

    async def test_has_details_without_nul(self) -> None:
        """PostgreSQL stores none; the letters that spell its escape are not one."""
        details: Json = {"b\0ody": ["\0x", "\\u0000", 1]}

        assert {"body": ["x", "\\u0000", 1]} == (
            await failed(Failure(kind="k", message="", details=details))
        ).details

    async def test_of_an_exception_without_words_is_one_all_the_same(self) -> None:
        """An exception whose `__str__` raises is as much of a failure as any other."""

        async def fail() -> Outcome:
            raise Mute

        failure = (await reported(fail)).outcome.failure

        assert failure is not None
        assert "Mute: <Mute without words: its __str__ raises>" == failure.message

    @pytest.mark.parametrize(
        "failure",
        [
            TaskFailed("PaymentDeclined", "n\0o" * 2_000, details={"a": "\0"}).failure,
            TaskFailed("k" * 100, "\ud800", retry_after=timedelta.max).failure,
            Failure(kind=".", message="", details="d" * 2 * MAX_DETAILS_BYTES),
        ],
    )
    async def test_is_to_the_control_plane_s_taste(self, failure: Failure) -> None:
        """What it refuses would lose its kind, its words, and its details."""
        sent = outcome_message(await reported(failing(failure)))
        result = reported_from(sent).result

        assert isinstance(result, Failed)
        assert check_failure(result.failure, "failure").retryable
        assert result.retry_after is None or isinstance(result.retry_after, timedelta)
        assert (result.retry_after or timedelta(0)) <= timedelta(hours=24)


class TestAHumanTask:
    async def test_stays_open(self) -> None:
        """A person ends it by RPC."""
        report = await run(Handlers([HumanHandler()]), a_task(TaskType.HUMAN))

        assert Outcome.awaiting() == report.outcome


class TestATimerTask:
    async def test_that_is_due_succeeds_with_its_instant(self) -> None:
        """To the microsecond, in UTC."""
        due = datetime(2026, 1, 1, 11, 59, 59, 1, tzinfo=UTC)
        report = await run(Handlers([TimerHandler()]), a_task(TaskType.TIMER, run_at=due))

        assert '{"due":"2026-01-01T11:59:59.000001+00:00"}' == report.output

    async def test_that_is_not_due_waits(self) -> None:
        """Never early, by the clock it is given."""
        clock = StandingClock()
        due = NOON + timedelta(seconds=0.02)
        attempt = asyncio.ensure_future(
            run(Handlers([TimerHandler()]), a_task(TaskType.TIMER, run_at=due), clock)
        )
        done, _ = await asyncio.wait([attempt], timeout=0.1)
        was_early = bool(done)
        clock.at = due
        report = await attempt

        assert (False, "succeeded") == (was_early, report.outcome.state)
