"""
Whether a lost attempt is followed by another, and how a task's row keeps its retry policy.
"""

from datetime import timedelta

from shared import json
from shared.json import Json
from shared.retry import RetryPolicy

MAX_DELIVERIES = 50
"""Hand-outs of one task, lost ones included: a task that kills every executor ends here."""


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
