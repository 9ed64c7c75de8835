"""
What of an executor is measured, and whether it is ready for work.

Measured on 2 loaded cores: 4 µs an attempt, of some 90 that it costs the executor.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Protocol

from shared.tasks import ClaimedTask, TaskType
from shared.telemetry.endpoint import Finding
from shared.telemetry.metric_names import Metric
from shared.telemetry.metrics import Counts, counter, gauge, histogram

_claims = histogram(Metric.CLAIM_SECONDS)
_claimed = histogram(Metric.CLAIM_TASKS)
_waits = cache(histogram(Metric.QUEUE_SECONDS).labels)
_lengths = cache(histogram(Metric.ATTEMPT_SECONDS).labels)
_ends = Counts(Metric.ATTEMPTS)
_sessions_lost = counter(Metric.SESSIONS_LOST)
_tasks_lost = counter(Metric.TASKS_LOST)


def claimed(seconds: float, tasks: int) -> None:
    """A claim took so long, and brought so many."""
    _claims.observe(seconds)
    if tasks:
        _claimed.observe(tasks)


def took(tasks: Sequence[ClaimedTask], now: datetime) -> None:
    """These are here now, and could have been since their instants."""
    for task in tasks:
        _waits(task.type).observe(max(0.0, (now - task.run_at).total_seconds()))


def ended(type_: TaskType, state: str, length: timedelta) -> None:
    """An attempt is over, and its outcome goes home."""
    _lengths(type_).observe(length.total_seconds())
    _ends.add(type_, state)


def lost_session() -> None:
    """A lease ran out."""
    _sessions_lost.inc()


def lost_task() -> None:
    """An attempt is stopped, as somebody else may have its task."""
    _tasks_lost.inc()


class Session(Protocol):
    @property
    def is_valid(self) -> bool: ...


class InHand(Protocol):
    @property
    def count(self) -> int: ...
    @property
    def unacknowledged(self) -> int: ...


class Link(Protocol):
    @property
    def is_connected(self) -> bool: ...


class ExecutorVitals:
    """See shared/telemetry/endpoint.py for who asks. Asks the database nothing."""

    def __init__(
        self,
        session: Session,
        in_hand: InHand,
        link: Link,
        *,
        slots: int,
        is_draining: Callable[[], bool],
    ) -> None:
        self._session = session
        self._in_hand = in_hand
        self._link = link
        self._slots = slots
        self._is_draining = is_draining

    async def sample(self) -> None:
        gauge(Metric.RUNNING).set(self._in_hand.count)
        gauge(Metric.SLOTS).set(self._slots)
        gauge(Metric.UNACKNOWLEDGED).set(self._in_hand.unacknowledged)
        gauge(Metric.CONNECTED).set(self._link.is_connected)
        gauge(Metric.DATABASE_UP).labels("executor").set(self._session.is_valid)

    async def findings(self) -> Sequence[Finding]:
        """Without a control plane it works on, and keeps its outcomes: that is no lack."""
        lacks = goes = ""
        if not self._session.is_valid:
            lacks = (
                "the executor has no session: PostgreSQL does not answer, or the lease ran out;"
                " check FOLIOT_DATABASE_URL and the server"
            )
        if self._is_draining():
            goes = "this executor is about to end, and takes no more tasks"
        return Finding("session", lacks), Finding("drain", goes)
