"""The definitions that the workloads run: small, and every task a no-op."""

from typing import Any

CHAIN_LENGTH = 10
FAN_WIDTH = 100
"""As many tasks as one transition may create."""

WAKE_EVENT = "GO"
TASK = "system.noop"

Spec = dict[str, Any]


def chain(length: int) -> Spec:
    """One task after another, then the end."""
    states: Spec = {"done": {"type": "final"}}
    for number in range(1, length + 1):
        after = f"s{number + 1}" if number < length else "done"
        states[f"s{number}"] = _carry_out(after)
    return {"initial": "s1", "states": states}


def fan(width: int) -> Spec:
    """That many tasks at once, one in each region of a parallel state, and the end once all are."""
    region = {"initial": "busy", "states": {"busy": _carry_out("idle"), "idle": {"type": "final"}}}
    return {
        "initial": "fan",
        "states": {
            "fan": {
                "type": "parallel",
                "states": {f"r{number}": region for number in range(1, width + 1)},
                "onDone": "done",
            },
            "done": {"type": "final"},
        },
    }


def wake() -> Spec:
    """Wait for an event, carry out one task, end."""
    return {
        "initial": "asleep",
        "states": {
            "asleep": {"on": {WAKE_EVENT: "awake"}},
            "awake": _carry_out("done"),
            "done": {"type": "final"},
        },
    }


def alarm() -> Spec:
    """Sleep until the input's `due`, an RFC 3339 time still ahead, and end."""
    return {
        "context": {"due": {"@expr": "event.input.due"}},
        "initial": "asleep",
        "delays": {"due": {"@expr": "timestamp(context.due) - now"}},
        "states": {"asleep": {"after": {"due": "done"}}, "done": {"type": "final"}},
    }


def _carry_out(target: str) -> Spec:
    return {"invoke": {"src": TASK, "onDone": target}}
