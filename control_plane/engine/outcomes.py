"""
What comes from inside: a task's outcome, a timer. There is no sender to refuse it to,
so a macrostep that cannot be finished fails the instance, with the reason.
"""

from dataclasses import dataclass
from datetime import datetime

from control_plane.engine.decision import Decision, Entry
from control_plane.engine.events import TaskFailed, TaskSucceeded, TimerFired
from control_plane.engine.failures import MacrostepFailed
from control_plane.engine.instants import write_instant
from control_plane.engine.machine import Machine
from control_plane.engine.macrostep import Macrostep
from control_plane.engine.settling import check_context, fail, keep, rest
from control_plane.engine.snapshot import OpenTask, Snapshot
from control_plane.engine.tracing import Tracer
from control_plane.engine.turn import EventObject, Turn
from shared.json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cause:
    """
    An event from inside, and what it uses up.

    `unhandled` is what the instance fails of when no transition answers it.
    """

    told: EventObject
    entry: Entry
    timer_id: str | None = None
    task: dict[str, Json] | None = None
    unhandled: dict[str, Json] | None = None


def hear_of_task(
    machine: Machine,
    snapshot: Snapshot,
    event: TaskSucceeded | TaskFailed,
    now: datetime,
    tracer: Tracer | None,
) -> Decision:
    """
    A task has ended. Ignored unless it is open: it may have been cancelled meanwhile.

    A detached task may end after its instance has; then that is recorded and no more.
    """
    task = snapshot.tasks.get(event.ordinal)
    if task is None:
        return Decision(snapshot=snapshot, disposition="IGNORED")
    about: dict[str, Json] = {"ordinal": event.ordinal, "name": task.name, "type": task.type}
    if isinstance(event, TaskSucceeded):
        entry = Entry(
            type="TASK_COMPLETED", payload={"output": event.output}, ordinal=event.ordinal
        )
        cause = _Cause(told=_done(task, event.output), entry=entry, task=about)
    else:
        entry = Entry(type="TASK_FAILED", payload={"error": event.error}, ordinal=event.ordinal)
        cause = _Cause(
            told=_failed(task, event.error),
            entry=entry,
            task=about,
            unhandled=None if task.detached else _unhandled(task, about, event.error),
        )
    if snapshot.status == "active" and not snapshot.finishing:
        return _apply(machine, snapshot, cause, now, tracer)
    turn = _begin(machine, snapshot, cause, now, tracer).turn
    if snapshot.finishing and cause.unhandled is not None:
        return fail(turn, cause.unhandled)
    return keep(turn)


def ring(
    machine: Machine, snapshot: Snapshot, event: TimerFired, now: datetime, tracer: Tracer | None
) -> Decision:
    """A timer is due. Ignored unless it is armed for that very instant."""
    timer = snapshot.timers.get(event.timer_id)
    if snapshot.status != "active" or timer is None or timer.due != event.due:
        return Decision(snapshot=snapshot, disposition="IGNORED")
    payload: dict[str, Json] = {"timer_id": event.timer_id, "due": write_instant(event.due)}
    cause = _Cause(
        told=timer.event,
        entry=Entry(type="TIMER_FIRED", payload=payload),
        timer_id=event.timer_id,
    )
    return _apply(machine, snapshot, cause, now, tracer)


def _apply(
    machine: Machine, snapshot: Snapshot, cause: _Cause, now: datetime, tracer: Tracer | None
) -> Decision:
    macrostep = _begin(machine, snapshot, cause, now, tracer)
    try:
        enabled = macrostep.react()
        if enabled or cause.unhandled is None:
            macrostep.settle()
            check_context(macrostep.turn)
            return rest(macrostep)
        error = cause.unhandled
    except MacrostepFailed as failure:
        error = failure.as_error()
    return fail(_begin(machine, snapshot, cause, now, tracer).turn, error)


def _begin(
    machine: Machine, snapshot: Snapshot, cause: _Cause, now: datetime, tracer: Tracer | None
) -> Macrostep:
    """A macrostep in which the cause is recorded and used up, and nothing else has happened."""
    configuration = machine.configuration(snapshot.configuration)
    turn = Turn(snapshot, configuration.active, cause.told, now, machine.about, tracer)
    turn.entries.append(cause.entry)
    if cause.entry.ordinal is not None:
        turn.scope["task"] = cause.task
        turn.close_task(cause.entry.ordinal)
    if cause.timer_id is not None:
        turn.use_up_timer(cause.timer_id)
    return Macrostep(machine, configuration, turn)


def _done(task: OpenTask, output: Json) -> EventObject:
    if task.invoke_id is None:
        return {"type": f"task.{task.name}.done", "output": output}
    kind = f"xstate.done.actor.{task.invoke_id}"
    return {"type": kind, "output": output, "actorId": task.invoke_id}


def _failed(task: OpenTask, error: dict[str, Json]) -> EventObject:
    if task.invoke_id is None:
        return {"type": f"task.{task.name}.failed", "error": error}
    kind = f"xstate.error.actor.{task.invoke_id}"
    return {"type": kind, "error": error, "actorId": task.invoke_id}


def _unhandled(task: OpenTask, about: dict[str, Json], error: dict[str, Json]) -> dict[str, Json]:
    return {
        "kind": "task_failed",
        "message": (
            f"task {task.name!r} of state {task.state!r} failed and no transition answers it; "
            "give it an error path, or retry the instance once the cause is gone"
        ),
        "json_pointer": "",
        "task": about,
        "error": error,
    }
