"""
Our half of a match: an instance, driven through decide() in virtual time.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from control_plane.engine import (
    CancelTask,
    CreateTask,
    Decision,
    Entry,
    Event,
    EventNotAccepted,
    ExpressionFailed,
    Machine,
    Received,
    Snapshot,
    Started,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
    decide,
    dump_snapshot,
    fold,
    load_snapshot,
    value_of,
)
from shared.json import Json
from tests.campaigns.xstate.observed import Fault, Observed, Timer, Told, as_json
from tests.campaigns.xstate.steps import ERROR, End, Restore, Ring, Send, Step, Wait
from tests.engine.machines import is_legal

EPOCH: Final = datetime(2030, 1, 1, tzinfo=UTC)
UNNAMED: Final = "raise."
"""How the engine's ids of timers begin to which the spec gives none."""


class BrokenPromise(Exception):
    """The engine broke a promise that takes no XState to see."""


class Ours:
    """One instance. `limit` names the limit that stopped the last step, if one did."""

    def __init__(self, machine: Machine, given: Any, *, trace: bool) -> None:
        self._machine = machine
        self._trace = trace
        self._now = EPOCH
        self._history: list[tuple[Entry, datetime]] = []
        self._children: dict[str, Any] = {}
        self._invoke_of: dict[int, str] = {}
        self.limit = ""
        decision = decide(machine, None, Started(input=given), EPOCH, trace=trace)
        self.snapshot: Snapshot = decision.snapshot
        self.seen = self._see(decision)

    def take(self, step: Step) -> Told | None:
        """Carry out a step; None when there is nothing in it for this instance now."""
        match step:
            case Send(kind=kind, x=x):
                payload: dict[str, Json] | None = None if x is None else {"x": x}
                self._decide(Received(type=kind, payload=payload))
                return self._told({"type": kind, **(payload or {})})
            case Ring():
                return self._ring()
            case Wait(ms=ms):
                self._wait(timedelta(milliseconds=ms))
                return None
            case End():
                return self._end(step)
            case Restore():
                return self._restore()

    @property
    def is_over(self) -> bool:
        """Nothing more can happen to it."""
        return self.snapshot.status != "active"

    def check_history(self) -> None:
        """The history alone gives the snapshot."""
        has_started = bool(self.snapshot.configuration)
        if has_started and fold(self._machine, self._history) != self.snapshot:
            raise BrokenPromise("the history does not fold to the snapshot")

    def _decide(self, event: Event) -> None:
        decision = decide(self._machine, self.snapshot, event, self._now, trace=self._trace)
        if decision.disposition in {"REJECTED", "DEFERRED"} and (
            decision.snapshot is not self.snapshot or decision.commands
        ):
            raise BrokenPromise("a refused event left something behind")
        self.snapshot = decision.snapshot
        self.seen = self._see(decision)

    def _ring(self) -> Told | None:
        timers = self.snapshot.timers
        if not timers:
            return None
        name = min(timers, key=lambda one: (timers[one].due, one))
        timer = timers[name]
        self._now = max(self._now, timer.due)
        rang = _timer(name, timer.due, timer.event)
        self._decide(TimerFired(timer_id=name, due=timer.due))
        return self._told(timer.event, rang=rang)

    def _wait(self, delay: timedelta) -> None:
        ends = [self._now + delay, *(timer.due for timer in self.snapshot.timers.values())]
        self._now = max(self._now, min(ends))

    def _end(self, step: End) -> Told | None:
        tasks = self.snapshot.tasks
        ordinal = next((n for n in tasks if tasks[n].invoke_id == step.invoke_id), None)
        if ordinal is None:
            return None
        ending: dict[str, Any] = {"actorId": step.invoke_id}
        self._children.pop(step.invoke_id, None)
        if step.is_failure:
            self._decide(TaskFailed(ordinal=ordinal, error=ERROR))
            ending |= {"type": f"xstate.error.actor.{step.invoke_id}", "error": ERROR}
        else:
            self._decide(TaskSucceeded(ordinal=ordinal, output=step.output))
            ending |= {"type": f"xstate.done.actor.{step.invoke_id}", "output": step.output}
        return self._told(ending, ended=step.invoke_id)

    def _restore(self) -> Told:
        restored = load_snapshot(self._machine, dump_snapshot(self.snapshot))
        if restored != self.snapshot:
            raise BrokenPromise("a snapshot is not the same when it was stored")
        self.snapshot = restored
        self.seen = self._observe((), () if self._trace else None)
        return self._told(None)

    def _told(
        self, event: dict[str, Any] | None, rang: Timer | None = None, ended: str | None = None
    ) -> Told:
        return Told(event=event, at_ms=_ms(self._now), rang=rang, ended=ended)

    def _see(self, decision: Decision) -> Observed:
        self._history += [(entry, self._now) for entry in decision.history]
        fault = self._fault(decision)
        if fault:
            return Observed(fault=fault)
        for command in decision.commands:
            if isinstance(command, CreateTask):
                invoke_id = decision.snapshot.tasks[command.ordinal].invoke_id or ""
                self._invoke_of[command.ordinal] = invoke_id
                self._children[invoke_id] = command.input
            elif isinstance(command, CancelTask):
                self._children.pop(self._invoke_of[command.ordinal], None)
        emitted = tuple(e.payload["event"] for e in decision.history if e.type == "EVENT_EMITTED")
        logged = None if decision.trace is None else decision.trace.logged
        return self._observe(emitted, logged)

    def _fault(self, decision: Decision) -> Fault:
        """Why the step came to nothing, be it refused to its sender or the instance's end."""
        self.limit = ""
        refusal = decision.refusal
        if refusal is not None:
            if isinstance(refusal, EventNotAccepted):
                return ""
            if isinstance(refusal, ExpressionFailed):
                return "expression"
            self.limit = refusal.message.partition(":")[0]
            return "limit"
        error = decision.snapshot.error
        if error is None or error["kind"] == "task_failed":
            return ""
        if error["kind"] != "limit_exceeded":
            return "expression"
        self.limit = str(error["message"]).partition(":")[0]
        return "limit"

    def _observe(self, emitted: tuple[Any, ...], logged: tuple[Any, ...] | None) -> Observed:
        snapshot, machine = self.snapshot, self._machine
        if not is_legal(machine, snapshot):
            raise BrokenPromise(f"{snapshot.configuration} is no legal configuration")
        if {task.invoke_id for task in snapshot.tasks.values()} != set(self._children):
            raise BrokenPromise("the commands do not add up to the open tasks")
        active = machine.configuration(snapshot.configuration).active
        return Observed(
            status="done" if snapshot.finishing else snapshot.status,
            active=tuple(sorted(machine.states[index].id for index in active)),
            value=value_of(machine, snapshot),
            context=snapshot.context,
            output=snapshot.output,
            emitted=emitted,
            logged=logged,
            timers=tuple(
                sorted(_timer(name, one.due, one.event) for name, one in snapshot.timers.items())
            ),
            children=dict(self._children),
        )


def _timer(name: str, due: datetime, event: dict[str, Any]) -> Timer:
    return ("" if name.startswith(UNNAMED) else name, _ms(due), as_json(event))


def _ms(instant: datetime) -> float:
    return (instant - EPOCH) / timedelta(milliseconds=1)
