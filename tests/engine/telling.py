"""Telling an instance things, one after the other, and looking at what became of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from control_plane.engine import (
    ArmTimer,
    Cancelled,
    CancelTask,
    CreateTask,
    Decision,
    DisarmTimer,
    Entry,
    Event,
    Machine,
    Received,
    Snapshot,
    Started,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
    check_spec,
    decide,
    dump_snapshot,
    fold,
    load_snapshot,
    value_of,
)
from shared.json import Json

NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
ERROR: dict[str, Json] = {"kind": "http.status", "message": "503", "details": None}


def compiled(spec: dict[str, Any]) -> Machine:
    """The machine of a spec that must be good."""
    machine, diagnostics = check_spec(spec)
    assert machine is not None, diagnostics
    return machine


def expr(text: str) -> dict[str, str]:
    return {"@expr": text}


def say(word: str) -> dict[str, Any]:
    """An action that leaves a word behind, so that order can be seen."""
    return {"type": "@emit", "event": {"type": "said", "word": word}}


def assign(**values: Any) -> dict[str, Any]:
    return {"type": "@assign", "context": values}


def raised(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "@raise", "event": {"type": kind}, **more}


class Instance:
    """One instance, and everything that was decided of it."""

    def __init__(self, spec: dict[str, Any], input: Json = None) -> None:  # noqa: A002
        self.spec = spec
        self.machine = compiled(spec)
        self.now = NOW
        self.history: list[tuple[Entry, datetime]] = []
        self._snapshot: Snapshot | None = None
        self.decision = self.tell(Started(input=input))

    def tell(self, event: Event, *, trace: bool = False) -> Decision:
        self.decision = decide(self.machine, self._snapshot, event, self.now, trace=trace)
        if self.decision.disposition in {"APPLIED", "IGNORED"} or self._snapshot is None:
            self._snapshot = self.decision.snapshot
        self.history += [(entry, self.now) for entry in self.decision.history]
        return self.decision

    def send(self, kind: str, payload: Json = None, *, trace: bool = False) -> Decision:
        return self.tell(Received(type=kind, payload=payload), trace=trace)

    def succeed(self, ordinal: int, output: Json = None) -> Decision:
        return self.tell(TaskSucceeded(ordinal=ordinal, output=output))

    def fail(self, ordinal: int) -> Decision:
        return self.tell(TaskFailed(ordinal=ordinal, error=ERROR))

    def fire(self, timer_id: str) -> Decision:
        due = self.snapshot.timers[timer_id].due
        self.now = max(self.now, due)
        return self.tell(TimerFired(timer_id=timer_id, due=due))

    def cancel(self, reason: str = "no longer needed") -> Decision:
        return self.tell(Cancelled(reason=reason))

    def wait(self, delay: timedelta) -> None:
        self.now += delay

    def reloaded(self) -> Snapshot:
        return load_snapshot(self.machine, dump_snapshot(self.snapshot))

    def folded(self) -> Snapshot:
        return fold(self.machine, self.history)

    @property
    def snapshot(self) -> Snapshot:
        assert self._snapshot is not None
        return self._snapshot

    @property
    def value(self) -> Json:
        return value_of(self.machine, self.snapshot)

    @property
    def context(self) -> dict[str, Json]:
        return self.snapshot.context

    @property
    def said(self) -> list[Any]:
        """The words of the last decision, in order."""
        return [
            entry.payload["event"]["word"]  # type: ignore[index,call-overload]  # what say() wrote
            for entry in self.decision.history
            if entry.type == "EVENT_EMITTED"
        ]

    @property
    def told(self) -> list[str]:
        """The types of the last decision's history entries."""
        return [entry.type for entry in self.decision.history]

    @property
    def created(self) -> list[CreateTask]:
        return [one for one in self.decision.commands if isinstance(one, CreateTask)]

    @property
    def cancelled(self) -> list[int]:
        return [one.ordinal for one in self.decision.commands if isinstance(one, CancelTask)]

    @property
    def armed(self) -> dict[str, datetime]:
        return {
            one.timer_id: one.due for one in self.decision.commands if isinstance(one, ArmTimer)
        }

    @property
    def disarmed(self) -> list[str]:
        return [one.timer_id for one in self.decision.commands if isinstance(one, DisarmTimer)]

    def entry(self, kind: str) -> Entry:
        """The last decision's one entry of a type."""
        (found,) = [entry for entry in self.decision.history if entry.type == kind]
        return found
