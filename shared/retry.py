"""When a failed attempt is tried again, and when it is not."""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from shared.tasks import Failure

MAX_ATTEMPTS = 1_000
MAX_BACKOFF = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """
    At most `max_attempts` attempts, `initial` × `factor`ⁿ apart, never more than `cap`.

    `jitter` is the share of a delay that is left to chance, 0 to 1. An error whose kind
    is in `non_retryable` is final at once; so is one that its handler calls permanent.
    """

    max_attempts: int = 5
    initial: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    cap: timedelta = timedelta(minutes=5)
    jitter: float = 0.2
    non_retryable: frozenset[str] = frozenset()


def backoff(policy: RetryPolicy, attempt: int, chance: float | None = None) -> timedelta:
    """
    The delay after the given attempt (the first is 1) has failed.

    `chance` in [0, 1) replaces the dice in tests and replays.
    """
    exponent = min(attempt - 1, 64)
    delay = min(
        policy.initial.total_seconds() * policy.factor**exponent, policy.cap.total_seconds()
    )
    dice = random.random() if chance is None else chance  # noqa: S311 - spreads load, guards nothing
    return timedelta(seconds=delay * (1 - policy.jitter * dice))


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Another attempt, `delay` from now."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class Exhausted:
    """No more attempts: the task has failed."""


AfterFailure: TypeAlias = TryAgain | Exhausted


def after_failure(
    policy: RetryPolicy, attempt: int, failure: Failure, chance: float | None = None
) -> AfterFailure:
    """
    What follows the failure of the given attempt (the first is 1). Decided here and not by
    the executor, so that a worker in any language gets the same policy.
    """
    if (
        not failure.retryable
        or failure.kind in policy.non_retryable
        or attempt >= policy.max_attempts
    ):
        return Exhausted()
    delay = backoff(policy, attempt, chance)
    if failure.retry_after is not None:
        delay = max(delay, failure.retry_after)
    return TryAgain(delay)
