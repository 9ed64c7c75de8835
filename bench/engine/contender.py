"""What an engine is asked in a round, and what it answers."""

from dataclasses import dataclass
from typing import Protocol

from bench.engine.shapes import Shape


class Missing(Exception):
    """The engine cannot be measured here; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one engine and one shape. None is what the engine cannot do."""

    event_us: float
    """One event, from a snapshot to the next and what is to be done."""

    stored_us: float | None
    """The same from JSON text to JSON text."""

    compile_ms: float
    memory_bytes: int
    """Of one machine that has gone through all of its states."""

    def best(self, other: "Figures") -> "Figures":
        """The lower of each, for the rounds of one run."""
        stored = (self.stored_us, other.stored_us)
        return Figures(
            event_us=min(self.event_us, other.event_us),
            stored_us=None if None in stored else min(one for one in stored if one is not None),
            compile_ms=min(self.compile_ms, other.compile_ms),
            memory_bytes=min(self.memory_bytes, other.memory_bytes),
        )


class Contender(Protocol):
    """One engine, ready to be measured."""

    name: str

    def measure(self, shape: Shape) -> Figures:
        """Once through everything, warmed up."""

    def close(self) -> None:
        """Let go of what it started."""
