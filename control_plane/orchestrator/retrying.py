"""
Whether a failed attempt is followed by another.

Decided here and not by the executor, so that a worker in any language gets the same policy.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from shared import json
from shared.json import Json
from shared.retry import RetryPolicy, backoff
from shared.tasks import Failure

MAX_DELIVERIES = 50
"""Hand-outs of one task, lost ones included: a task that kills every executor ends here."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Another attempt, `delay` from now."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class Exhausted:
    """No more attempts: the task has failed."""


AfterFailure: TypeAlias = TryAgain | Exhausted


def after_failure(policy: RetryPolicy, attempt: int, failure: Failure) -> AfterFailure:
    """What follows the failure of the given attempt (the first is 1)."""
    if (
        not failure.retryable
        or failure.kind in policy.non_retryable
        or attempt >= policy.max_attempts
    ):
        return Exhausted()
    delay = backoff(policy, attempt)
    if failure.retry_after is not None:
        delay = max(delay, failure.retry_after)
    return TryAgain(delay)


def may_be_handed_on(epoch: int) -> bool:
    """Whether a task whose holder vanished is given to another; losses have their own bound."""
    return epoch < MAX_DELIVERIES


DEFAULT = RetryPolicy()


def dump_policy(policy: RetryPolicy) -> str | None:
    """A policy as a task's row keeps it; None for the default, which most tasks have."""
    if policy == DEFAULT:
        return None
    return json.dump(
        {
            "max_attempts": policy.max_attempts,
            "initial_s": policy.initial.total_seconds(),
            "factor": policy.factor,
            "cap_s": policy.cap.total_seconds(),
            "jitter": policy.jitter,
            "non_retryable": list[Json](sorted(policy.non_retryable)),
        }
    )


def load_policy(text: str | None) -> RetryPolicy:
    """The policy that `dump_policy` wrote."""
    if text is None:
        return DEFAULT
    kept = json.load(text)
    if not isinstance(kept, dict):
        raise TypeError("a stored retry policy is an object")
    return RetryPolicy(
        max_attempts=int(str(kept["max_attempts"])),
        initial=timedelta(seconds=float(str(kept["initial_s"]))),
        factor=float(str(kept["factor"])),
        cap=timedelta(seconds=float(str(kept["cap_s"]))),
        jitter=float(str(kept["jitter"])),
        non_retryable=frozenset(str(kind) for kind in _items(kept["non_retryable"])),
    )


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
