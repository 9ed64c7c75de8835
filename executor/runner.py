"""
One attempt, from claimed task to report: run the handler within its time, turn whatever
it raises into a failure, and see that the result fits on the wire and holds no secret.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from executor.handlers import Handlers
from executor.handlers.claim_check import checked_in, is_too_large
from executor.handlers.fitting import fit, words_of
from executor.ports import Adapters, Ports
from executor.ports.control_plane import Held, Report
from shared.ids import TenantId
from shared.tasks import ClaimedTask, Failure, Outcome
from shared.telemetry import attempt_spans
from shared.telemetry.call_names import enter_attempt
from shared.telemetry.redaction import REDACTOR, Redactor

MAX_BOUND = 1_000
"""For how many tenants ports are kept at once."""


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
    def __init__(self, handlers: Handlers, adapters: Adapters) -> None:
        self._handlers = handlers
        self._adapters = adapters
        self._ports: dict[TenantId, Ports] = {}

    def begin(self) -> Beginning:
        return Beginning.now(self._adapters.clock.now())

    async def run(self, task: ClaimedTask, beginning: Beginning) -> Report:
        """
        Carry out one attempt. Gives a report whatever the handler does; only being
        cancelled passes through, and `stopped` is the report of that.
        """
        enter_attempt(task)
        span = attempt_spans.attempt(task, beginning.at)
        if span is None:
            return await self._reported(task, beginning)
        try:
            report = await self._reported(task, beginning)
            span.ended(report.outcome)
        finally:
            span.end()
        return report

    async def _reported(self, task: ClaimedTask, beginning: Beginning) -> Report:
        outcome = await self._attempt(task)
        report = _report(task, outcome, beginning, self._adapters.redactor)
        if not is_too_large(outcome, report.outcome):
            return report
        kept = await checked_in(outcome, self._ports_of(task.tenant_id))
        return _report(task, kept, beginning, self._adapters.redactor)

    async def _attempt(self, task: ClaimedTask) -> Outcome:
        try:
            if task.timeout is None:
                return await self._handlers.execute(task, self._ports_of(task.tenant_id))
            return await self._in_time(task, task.timeout)
        except asyncio.CancelledError as error:
            attempt = asyncio.current_task()
            if attempt is None or attempt.cancelling():
                raise
            # Nobody cancelled the attempt; what its handler waited for was cancelled.
            return Outcome.failed(_raised(task, error))
        # SystemExit too: a function that calls sys.exit() fails its task, not the executor.
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is reported
            return Outcome.failed(_raised(task, error))

    async def _in_time(self, task: ClaimedTask, within: timedelta) -> Outcome:
        limit = asyncio.timeout(within.total_seconds())
        try:
            async with limit:
                return await self._handlers.execute(task, self._ports_of(task.tenant_id))
        except TimeoutError:
            if not limit.expired():
                raise
            return Outcome.failed(
                Failure(
                    kind="timeout",
                    message=f"the attempt took longer than {within.total_seconds():g} s",
                )
            )

    def _ports_of(self, tenant_id: TenantId) -> Ports:
        """Bound once for a tenant: its tasks come one after the other."""
        ports = self._ports.get(tenant_id)
        if ports is None:
            if len(self._ports) == MAX_BOUND:
                self._ports.clear()
            ports = self._ports[tenant_id] = self._adapters.of(tenant_id)
        return ports


def stopped(task: ClaimedTask, beginning: Beginning) -> Report:
    """The report of an attempt that was cancelled because the control plane asked for it."""
    return _report(task, Outcome.cancelled(), beginning)


def broken(task: ClaimedTask, beginning: Beginning, error: BaseException) -> Report:
    """The report of an attempt whose own report could not be made: a bug, and not the task's."""
    failure = Failure(kind="executor.bug", message=f"{type(error).__name__}: {words_of(error)}")
    return _report(task, Outcome.failed(failure), beginning)


def _raised(task: ClaimedTask, error: BaseException) -> Failure:
    return Failure(
        kind=f"{task.type.lower()}.raised", message=f"{type(error).__name__}: {words_of(error)}"
    )


def _report(
    task: ClaimedTask, outcome: Outcome, beginning: Beginning, redactor: Redactor = REDACTOR
) -> Report:
    outcome, output = fit(outcome, task.tenant_id, redactor)
    return Report(
        tenant_id=task.tenant_id,
        held=Held.of(task),
        outcome=outcome,
        output=output,
        started_at=beginning.at,
        duration=beginning.elapsed(),
    )
