"""
The machines that are measured. Each event passes a guard, leaves a state with an assign, and
enters the next one with another.
"""

import json
from dataclasses import dataclass
from typing import Any

GUARD = "event.amount > 10 && context.n >= 0"
COUNT = "context.n + 1"
SEEN = "context.n"
"""The expressions; whoever measures another engine says them in its language."""

EVENT: dict[str, Any] = {"type": "GO", "amount": 50}

Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """A machine by what is said of it in the table."""

    name: str
    spec: Spec


def shapes() -> tuple[Shape, ...]:
    """Those of the table, and their order."""
    return (
        Shape("5 states", flat(5)),
        Shape("2 parallel regions", in_parallel()),
        Shape("200 states", flat(200)),
        Shape("5 states, 1 KiB", flat(5, context_bytes=1024)),
    )


def flat(states: int, context_bytes: int = 0) -> Spec:
    """So many states in a ring."""
    return {
        "id": "ring",
        "initial": "s0",
        "context": context_of(context_bytes),
        "states": _ring(states),
    }


def in_parallel() -> Spec:
    """A compound state around two regions, one of which moves."""
    idle = {f"t{n}": {"on": {"OTHER": f"t{(n + 1) % 3}"}} for n in range(3)}
    regions = {
        "a": {"initial": "s0", "states": _ring(3)},
        "b": {"initial": "t0", "states": idle},
    }
    return {
        "id": "regions",
        "initial": "work",
        "context": context_of(0),
        "states": {
            "work": {
                "initial": "both",
                "states": {"both": {"type": "parallel", "states": regions}},
            }
        },
    }


def context_of(size: int) -> dict[str, Any]:
    """A context of about so many bytes as JSON, of the values that contexts are made of."""
    context: dict[str, Any] = {"n": 0, "seen": 0}
    while len(json.dumps(context, separators=(",", ":"))) < size:
        number = len(context)
        context[f"item{number}"] = {"name": f"item {number}", "prices": [1, 2, 3.5], "ok": True}
    return context


def _ring(states: int) -> Spec:
    entry = [{"type": "@assign", "context": {"seen": {"@expr": SEEN}}}]
    return {
        f"s{n}": {
            "entry": entry,
            "on": {
                "GO": {
                    "target": f"s{(n + 1) % states}",
                    "guard": {"@expr": GUARD},
                    "actions": [{"type": "@assign", "context": {"n": {"@expr": COUNT}}}],
                }
            },
        }
        for n in range(states)
    }
