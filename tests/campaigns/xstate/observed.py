"""
What can be seen of an instance after a step, in terms that both engines share.
"""

from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

import orjson

Fault: TypeAlias = Literal["", "expression", "limit"]
"""Why a step came to nothing: an expression that has no value, or a loop that was stopped."""

Timer: TypeAlias = tuple[str, float, str]
"""The id ("" when nobody gave it one), when it is due in ms, and its event as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """
    Everything that is compared. `active` are the ids of all active states, sorted;
    `emitted` and `logged` what this step said, in order; `children` the input of all that
    is invoked and open. `logged` is None where nobody asked for a trace.
    """

    fault: Fault = ""
    status: str = ""
    active: tuple[str, ...] = ()
    value: Any = None
    context: Any = None
    output: Any = None
    emitted: tuple[Any, ...] = ()
    logged: tuple[Any, ...] | None = None
    timers: tuple[Timer, ...] = ()
    children: dict[str, Any] | None = None

    def differs_from(self, other: "Observed") -> tuple[str, ...]:
        """The names of what is not the same. A step that came to nothing has nothing else."""
        if self.fault or other.fault:
            return () if self.fault == other.fault else ("fault",)
        names = [field.name for field in fields(self)]
        if self.logged is None or other.logged is None:
            names.remove("logged")
        return tuple(name for name in names if getattr(self, name) != getattr(other, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """
    A step as XState is to hear of it: an event (None for a restore) at a time in ms.

    `rang` is the timer that has fired by it, `ended` the invocation that has.
    """

    event: dict[str, Any] | None
    at_ms: float
    rang: Timer | None = None
    ended: str | None = None


def as_json(event: Any) -> str:
    """One text for equal values."""
    return orjson.dumps(event, option=orjson.OPT_SORT_KEYS).decode()
