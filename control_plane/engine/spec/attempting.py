"""
How a task is tried: its queue, its priority, its retries and its time limits.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from control_plane.engine.spec.findings import Findings, join, quote
from control_plane.engine.spec.outline import unknown_keys, wrong_type
from control_plane.engine.spec.values import Values
from control_plane.engine.spec.vocabulary import MAX_FACTOR, MAX_PRIORITY, RETRY, TIMEOUT
from shared.retry import MAX_ATTEMPTS, MAX_BACKOFF, RetryPolicy
from shared.tasks import DEFAULT_QUEUE, MAX_QUEUE_NAME, Timeouts

_QUEUE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@dataclass(slots=True, eq=False)
class Attempts:
    """Reads what a task says about its attempts; what is wrong is as if it were not there."""

    values: Values
    findings: Findings

    def queue(self, value: Any, pointer: str) -> str:
        """Rule: a queue's name fits into the names of the broker's queues."""
        if value is None:
            return DEFAULT_QUEUE
        if (
            not isinstance(value, str)
            or not 0 < len(value) <= MAX_QUEUE_NAME
            or not _QUEUE.issuperset(value)
        ):
            wrong_type(
                self.findings,
                pointer,
                value,
                f"a queue's name: 1 to {MAX_QUEUE_NAME} letters, digits, '-', '_' and '.'",
            )
            return DEFAULT_QUEUE
        return value

    def priority(self, value: Any, pointer: str) -> int:
        if type(value) is not int or not -MAX_PRIORITY <= value <= MAX_PRIORITY:
            wanted = f"an integer from {-MAX_PRIORITY} to {MAX_PRIORITY}"
            wrong_type(self.findings, pointer, value, wanted)
            return 0
        return value

    def retry(self, value: Any, pointer: str) -> RetryPolicy:
        """Rule: a retry policy has its words, and numbers within bounds."""
        default = RetryPolicy()
        if value is None:
            return default
        if not isinstance(value, dict):
            wrong_type(self.findings, pointer, value, "a retry policy")
            return default
        unknown_keys(self.findings, pointer, value, RETRY)
        kinds = value.get("nonRetryable", [])
        if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
            wrong_type(self.findings, join(pointer, "nonRetryable"), kinds, "a list of error kinds")
            kinds = []
        return RetryPolicy(
            max_attempts=int(
                self._number(value, "maxAttempts", pointer, default.max_attempts, 1, MAX_ATTEMPTS)
            ),
            initial=self._backoff(value, "initial", pointer, default.initial),
            factor=self._number(value, "factor", pointer, default.factor, 1, MAX_FACTOR),
            cap=self._backoff(value, "cap", pointer, default.cap),
            jitter=self._number(value, "jitter", pointer, default.jitter, 0, 1),
            non_retryable=frozenset(kinds),
        )

    def _number(
        self, body: dict[str, Any], key: str, pointer: str, default: float, low: int, high: int
    ) -> float:
        value = body.get(key, default)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if key == "maxAttempts":
            is_number = is_number and isinstance(value, int)
        if not is_number or not low <= value <= high:
            kind = "an integer" if key == "maxAttempts" else "a number"
            wrong_type(self.findings, join(pointer, key), value, f"{kind} from {low} to {high}")
            return default
        return float(value)

    def _backoff(
        self, body: dict[str, Any], key: str, pointer: str, default: timedelta
    ) -> timedelta:
        if key not in body:
            return default
        length = self.values.duration(body[key], join(pointer, key))
        if length is not None and length > MAX_BACKOFF:
            self.findings.error(
                "limit-exceeded",
                join(pointer, key),
                f"{quote(body[key])} is over the limit of {MAX_BACKOFF.days} day between attempts",
                "let an attempt fail for good sooner, and try again from another state",
            )
            return default
        return default if length is None else length

    def timeouts(self, value: Any, pointer: str) -> Timeouts:
        """Rule: a timeout is a duration, start to close, or one for each phase."""
        if value is None:
            return Timeouts()
        if not isinstance(value, dict):
            return Timeouts(start_to_close=self.values.duration(value, pointer))
        unknown_keys(self.findings, pointer, value, TIMEOUT)

        def phase(key: str) -> timedelta | None:
            return self.values.duration(value[key], join(pointer, key)) if key in value else None

        return Timeouts(
            schedule_to_start=phase("scheduleToStart"),
            start_to_close=phase("startToClose"),
            heartbeat=phase("heartbeat"),
        )
