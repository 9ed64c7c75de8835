"""What callers and watchers saw, in the order in which they saw it."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, with all that was sent of it. `failed` is a status' name, empty for none."""

    method: str
    phase: str
    took_s: float
    failed: str = ""


@dataclass(slots=True)
class Seen:
    """Everything that is held against the database in the end."""

    calls: list[Call] = field(default_factory=list)
    started: dict[str, str] = field(default_factory=dict)
    """Instances whose start was acknowledged, by their business keys."""
    sent: dict[str, list[str]] = field(default_factory=dict)
    """The ids of the events that were acknowledged, by instance, in order."""
    decided: dict[str, str] = field(default_factory=dict)
    """What was acknowledged of a person's decision, by the id of the task."""
    reported: dict[str, str] = field(default_factory=dict)
    """The run whose success was acknowledged to a worker without a database, by the task's id."""
    watched: dict[str, list[int]] = field(default_factory=dict)
    """The numbers of the entries that each watch was told, by the watch's name."""
    followed: dict[int, list[tuple[str, int]]] = field(default_factory=dict)
    """Instances and numbers of the entries that each follower of the feed was told."""
    closed: set[str] = field(default_factory=set)
    """The watches whose stream ended as it should: with the end of their instance."""
    broken: Counter[str] = field(default_factory=Counter)
    """Why streams had to be taken up again."""

    def of(self, phase: str) -> list[Call]:
        return [call for call in self.calls if call.phase == phase]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so many of them do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
