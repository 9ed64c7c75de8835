"""
One instance without a server: the engine decides, and what a runtime keeps is kept in memory.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from control_plane.engine import (
    ArmTimer,
    CancelTask,
    CreateTask,
    Decision,
    DisarmTimer,
    Entry,
    Event,
    Machine,
    OpenTimer,
    Received,
    Snapshot,
    StartChild,
    decide,
    value_of,
)
from control_plane.simulation.attempts import Attempts
from control_plane.simulation.limits import MAX_DECISIONS
from control_plane.simulation.mocking import Mocks
from control_plane.simulation.refusals import refused_for
from control_plane.simulation.result import (
    Happening,
    InstanceStatus,
    Kind,
    Refused,
    TaskView,
    TimerView,
)
from shared.json import Json

MayGoOn: TypeAlias = Callable[[], bool]
"""Asked before every decision; false ends the run. For a caller who has a bound on time."""

_CLOSED: dict[str, InstanceStatus] = {
    "done": "completed",
    "error": "failed",
    "cancelled": "cancelled",
}


class Stopped(Exception):
    """A limit of the run was reached; its text says which."""


class SimulatedInstance:
    """
    Mutable for the length of one run. `happened` is what has happened since it was last
    emptied, and `inbox` what was sent and has to wait.
    """

    def __init__(
        self, machine: Machine, mocks: Mocks, now: datetime, *, traced: bool, may_go_on: MayGoOn
    ) -> None:
        self.machine = machine
        self.mocks = mocks
        self.now = now
        self.snapshot: Snapshot | None = None
        self.attempts: dict[int, Attempts] = {}
        self.inbox: list[Received] = []
        self.answers: dict[str, tuple[bytes, str]] = {}
        self.happened: list[Happening] = []
        self._traced = traced
        self._may_go_on = may_go_on
        self._decisions = 0
        self._entries: list[Entry] = []

    @property
    def status(self) -> InstanceStatus | None:
        if self.snapshot is None:
            return None
        closed = _CLOSED.get(self.snapshot.status)
        if closed is not None:
            return closed
        is_busy = any(not one.is_idle for one in self.attempts.values())
        return "running" if is_busy else "waiting"

    @property
    def state(self) -> Json:
        return None if self.snapshot is None else value_of(self.machine, self.snapshot)

    @property
    def is_closed(self) -> bool:
        return self.snapshot is not None and self.snapshot.status != "active"

    def timers(self) -> tuple[TimerView, ...]:
        """Armed timers, the next first."""
        if self.snapshot is None:
            return ()
        armed = sorted(self.snapshot.timers.items(), key=_by_due)
        return tuple(TimerView(timer_id=name, due=timer.due) for name, timer in armed)

    def decide(self, event: Event) -> Decision:
        """What the engine would decide. Raises Stopped when the run has had its share."""
        self.count()
        return decide(self.machine, self.snapshot, event, self.now, trace=self._traced)

    def count(self) -> None:
        """Something goes on that may go on for ever."""
        self._decisions += 1
        if self._decisions > MAX_DECISIONS:
            raise Stopped(
                f"decisions of one run: more than {MAX_DECISIONS}; its tasks, timers or events lead"
                " to one another without end"
            )
        if not self._may_go_on():
            raise Stopped("the run took longer than it may; make it shorter")

    def keep(self, decision: Decision, kind: Kind, **about: object) -> None:
        """Keep what was decided, carry its commands out, and write down that it happened."""
        is_kept = decision.disposition in ("APPLIED", "IGNORED")
        if is_kept and (self.snapshot is not None or kind == "start"):
            self.snapshot = decision.snapshot
        created: list[TaskView] = []
        cancelled: list[int] = []
        armed: list[TimerView] = []
        disarmed: list[str] = []
        for command in decision.commands:
            match command:
                case CreateTask() | StartChild():
                    created.append(self._create(command).view())
                case CancelTask(ordinal=ordinal):
                    self.attempts.pop(ordinal, None)
                    cancelled.append(ordinal)
                case ArmTimer(timer_id=timer_id, due=due):
                    armed.append(TimerView(timer_id=timer_id, due=due))
                case DisarmTimer(timer_id=timer_id):
                    disarmed.append(timer_id)
        # Of a start that was refused there is no instance, so there is no history either.
        if self.snapshot is not None:
            self._entries.extend(decision.history)
        self.note(
            kind,
            disposition=decision.disposition,
            refused=refused_for(decision.refusal),
            trace=decision.trace,
            created=tuple(created),
            cancelled=tuple(cancelled),
            armed=tuple(armed),
            disarmed=tuple(disarmed),
            **about,
        )
        if self.is_closed:
            self._turn_away()

    def record(self, kind: str, ordinal: int | None, payload: dict[str, Json]) -> None:
        """An entry of the runtime's own; it goes with what happens next."""
        self._entries.append(Entry(type=kind, ordinal=ordinal, payload=payload))

    def note(self, kind: Kind, **about: object) -> None:
        """Write down that something happened, with the entries that have come up since."""
        self.happened.append(
            Happening(
                at=self.now,
                kind=kind,
                history=tuple(self._entries),
                state=self.state,
                status=self.status,
                **about,  # type: ignore[arg-type]  # the fields of a happening, by name
            )
        )
        self._entries.clear()

    def retry_deferred(self) -> None:
        """Try what waits again, the earliest first, as long as one of them moves the instance."""
        index = 0
        while index < len(self.inbox) and not self.is_closed:
            event = self.inbox[index]
            decision = self.decide(event)
            if decision.disposition == "DEFERRED":
                index += 1
                continue
            self.inbox.remove(event)
            self.keep(decision, "deferred", subject=event.type, payload=event.payload)
            index = 0

    def _turn_away(self) -> None:
        """The instance has ended with events in its inbox: nothing accepted goes without a word."""
        waiting, self.inbox = self.inbox, []
        for event in waiting:
            refused = Refused(
                reason="INSTANCE_CLOSED",
                message=f"the instance was {self.status} before it could take the event",
            )
            payload: dict[str, Json] = {
                "event_id": event.event_id,
                "type": event.type,
                "payload": event.payload,
                "reason": refused.reason,
                "message": refused.message,
            }
            self.record("EVENT_REJECTED", None, payload)
            self.note("deferred", subject=event.type, payload=event.payload, refused=refused)

    def _create(self, command: CreateTask | StartChild) -> Attempts:
        assert self.snapshot is not None
        asked = command.run_at if isinstance(command, CreateTask) else None
        run_at = max(asked or self.now, self.now)
        made = Attempts(
            command=command,
            open_task=self.snapshot.tasks[command.ordinal],
            is_idle=run_at > self.now or isinstance(command, StartChild),
            run_at=run_at,
        )
        self.attempts[command.ordinal] = made
        return made


def _by_due(item: tuple[str, OpenTimer]) -> tuple[datetime, str]:
    return item[1].due, item[0]
