"""
One attempt, from claimed task to report: run the handler within its time, turn whatever
it raises into a failure, and see that the result fits on the wire.
"""

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from executor.handlers import Handlers
from executor.ports import Ports
from executor.ports.control_plane import Held, Report
from shared.errors import InvalidJson, LimitExceeded
from shared.json import MAX_DEPTH, MAX_PAYLOAD_BYTES, Json, dump, parse
from shared.tasks import ClaimedTask, Failure, Outcome

MAX_KIND = 64
MAX_MESSAGE = 2_000
MAX_DETAILS_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """When an attempt began: for people, and by a clock that does not jump."""

    at: datetime
    monotonic: float

    @classmethod
    def now(cls, at: datetime) -> "Beginning":
        return cls(at=at, monotonic=time.monotonic())

    def elapsed(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self.monotonic)


class Runner:
    def __init__(self, handlers: Handlers, ports: Ports) -> None:
        self._handlers = handlers
        self._ports = ports

    def begin(self) -> Beginning:
        return Beginning.now(self._ports.clock.now())

    async def run(self, task: ClaimedTask, beginning: Beginning) -> Report:
        """
        Carry out one attempt. Gives a report whatever the handler does; only being
        cancelled passes through, and `stopped` is the report of that.
        """
        return _report(task, await self._attempt(task), beginning)

    async def _attempt(self, task: ClaimedTask) -> Outcome:
        try:
            if task.timeout is None:
                return await self._handlers.execute(task, self._ports)
            return await self._in_time(task, task.timeout)
        # SystemExit too: a function that calls sys.exit() fails its task, not the executor.
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is reported
            return Outcome.failed(_raised(task, error))

    async def _in_time(self, task: ClaimedTask, within: timedelta) -> Outcome:
        limit = asyncio.timeout(within.total_seconds())
        try:
            async with limit:
                return await self._handlers.execute(task, self._ports)
        except TimeoutError:
            if not limit.expired():
                raise
            return Outcome.failed(
                Failure(
                    kind="timeout",
                    message=f"the attempt took longer than {within.total_seconds():g} s",
                )
            )


def stopped(task: ClaimedTask, beginning: Beginning) -> Report:
    """The report of an attempt that was cancelled because the control plane asked for it."""
    return _report(task, Outcome.cancelled(), beginning)


def _raised(task: ClaimedTask, error: BaseException) -> Failure:
    return Failure(kind=f"{task.type.lower()}.raised", message=f"{type(error).__name__}: {error}")


def _report(task: ClaimedTask, outcome: Outcome, beginning: Beginning) -> Report:
    outcome, output = _fit(outcome)
    return Report(
        tenant_id=task.tenant_id,
        held=Held.of(task),
        outcome=outcome,
        output=output,
        started_at=beginning.at,
        duration=beginning.elapsed(),
    )


def _fit(outcome: Outcome) -> tuple[Outcome, str]:
    """The outcome and its output's text; a failure instead of an output that cannot be sent."""
    if outcome.failure is not None:
        return replace(outcome, failure=_fit_failure(outcome.failure)), "null"
    try:
        return outcome, _text_of(outcome.output, MAX_PAYLOAD_BYTES)
    except InvalidJson as error:
        return _unfit("output.not_json", error.message)
    except LimitExceeded as error:
        return _unfit("output.too_large", f"{error.message}; store it elsewhere and return where")


def _unfit(kind: str, message: str) -> tuple[Outcome, str]:
    return Outcome.failed(Failure(kind=kind, message=message, retryable=False)), "null"


def _fit_failure(failure: Failure) -> Failure:
    return replace(
        failure,
        kind=failure.kind[:MAX_KIND] or "unknown",
        # A lone surrogate would not survive the wire's UTF-8.
        message=failure.message[:MAX_MESSAGE].encode(errors="replace").decode(),
        details=_fit_details(failure.details),
    )


def _fit_details(details: Json) -> Json:
    """The details, or none if they cannot be sent: the failure itself matters more."""
    try:
        _text_of(details, MAX_DETAILS_BYTES)
    except (InvalidJson, LimitExceeded):
        return None
    return details


def _text_of(value: Json, max_bytes: int) -> str:
    """Canonical text within limits. Raises InvalidJson or LimitExceeded."""
    text = dump(value)
    # Reading it back is what checks its depth; most values are too short to be deep.
    if len(text) > max_bytes // 4 or text.count("[") + text.count("{") > MAX_DEPTH:
        parse(text, "output", max_bytes=max_bytes)
    return text
