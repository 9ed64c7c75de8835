"""
What is done to a machine, in words that mean the same to both engines and that can be
played again after a part of the machine or of the story has been taken away.
"""

from dataclasses import dataclass
from random import Random
from typing import Any, Final, TypeAlias

from control_plane.engine import Snapshot

KINDS: Final = ("A", "B", "C", "A.x", "A.y.z", "Q")
"""What senders send. Q is in no machine, but for wildcards."""

ERROR: Final[dict[str, Any]] = {"kind": "http.status", "message": "503", "details": None}


@dataclass(frozen=True, slots=True)
class Send:
    """Somebody sends an event."""

    kind: str
    x: int | None


@dataclass(frozen=True, slots=True)
class Ring:
    """Time goes on until the next timer is due, and it fires."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Time goes on by so many milliseconds, but not past the next timer."""

    ms: int


@dataclass(frozen=True, slots=True)
class End:
    """What was invoked ends, well (with an output) or not. Nothing if it is not open."""

    invoke_id: str
    output: Any = None
    is_failure: bool = False


@dataclass(frozen=True, slots=True)
class Restore:
    """Both snapshots are written down and read again, as after a crash."""


Step: TypeAlias = Send | Ring | Wait | End | Restore


def random_step(chance: Random, snapshot: Snapshot) -> Step:
    """Something that makes sense for an instance in this state."""
    drawn = chance.random()
    if drawn < 0.12:
        return Restore()
    if drawn < 0.17:
        return Wait(chance.choice((1, 5, 30)))
    if drawn < 0.37 and snapshot.timers:
        return Ring()
    invoked = sorted(task.invoke_id or "" for task in snapshot.tasks.values())
    if drawn < 0.55 and invoked:
        return End(
            chance.choice(invoked),
            output=chance.choice((None, 1, {"a": [1, 2]})),
            is_failure=chance.random() < 0.35,
        )
    return Send(chance.choice(KINDS), chance.choice((None, None, 0, 2, 3, 7)))
