"""When a failed attempt is tried again, and when it is not."""

import random
from dataclasses import dataclass
from datetime import timedelta

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
