"""
What comes from inside: a task's outcome, a timer. There is no sender to refuse it to,
so a macrostep that cannot be finished fails the instance, with the reason.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from control_plane.engine.choosing import AI, choose, end_review
from control_plane.engine.decision import Decision, Entry
from control_plane.engine.events import TaskFailed, TaskSkipped, TaskSucceeded, TimerFired
from control_plane.engine.failures import MacrostepFailed
from control_plane.engine.groups import take_in
from control_plane.engine.instants import write_instant
from control_plane.engine.invocations import done_of, failed_of
from control_plane.engine.machine import Machine
from control_plane.engine.macrostep import Macrostep
from control_plane.engine.settling import fail, keep, rest
from control_plane.engine.sizing import check_context
from control_plane.engine.snapshot import OpenTask, Snapshot
from control_plane.engine.tracing import Tracer
from control_plane.engine.turn import EventObject
from shared.json import Json


def hear_of_task(
    machine: Machine,
    snapshot: Snapshot,
    event: TaskSucceeded | TaskSkipped | TaskFailed,
    now: datetime,
    tracer: Tracer | None,
) -> Decision:
    """
    A task has ended. Ignored unless it is open: it may have been cancelled meanwhile.

    A detached task may end after its instance has; then that is recorded and no more.
    """
    ordinal = event.ordinal
    task = snapshot.tasks.get(ordinal)
    if task is None:
        return Decision(snapshot=snapshot, disposition="IGNORED")
    if task.type == AI and not isinstance(event, TaskFailed):
        return choose(machine, snapshot, task, event, now, tracer)
    if isinstance(event, TaskFailed):
        told = failed_of(task.name, task.invoke_id, event.error)
        entry = Entry(type="TASK_FAILED", payload={"error": event.error}, ordinal=ordinal)
    else:
        told = done_of(task.name, task.invoke_id, event.output)
        kind = "TASK_COMPLETED" if isinstance(event, TaskSucceeded) else "TASK_SKIPPED"
        entry = Entry(type=kind, payload={"output": event.output}, ordinal=ordinal)
    if isinstance(event, TaskSkipped):
        # What was not done is not undone.
        task = replace(task, plan=None)
    about: dict[str, Json] = {"ordinal": ordinal, "name": task.name, "type": task.type}

    def begin() -> Macrostep:
        macrostep = _begin(machine, snapshot, told, entry, now, tracer)
        macrostep.scope["task"] = about
        macrostep.close_task(ordinal)
        if task.type == AI:
            end_review(macrostep, ordinal)
        return macrostep

    macrostep = begin()
    if task.reviews is not None:
        return keep(macrostep)
    is_open = snapshot.status == "active"
    try:
        ending = take_in(macrostep, machine.task_plans, ordinal, task)
        if ending is None:
            return keep(macrostep)
        macrostep.scope["event"] = ending
        is_fatal = "error" in ending and not task.detached
        if is_open and not snapshot.finishing:
            return _go_on(macrostep, _unhandled(task, about, ending) if is_fatal else None, begin)
        if is_open and is_fatal:
            return fail(begin(), _unhandled(task, about, ending))
        return keep(macrostep)
    except MacrostepFailed as failure:
        return fail(begin(), failure.as_error()) if is_open else keep(begin())


def ring(
    machine: Machine, snapshot: Snapshot, event: TimerFired, now: datetime, tracer: Tracer | None
) -> Decision:
    """A timer is due. Ignored unless it is armed for that very instant."""
    timer = snapshot.timers.get(event.timer_id)
    if snapshot.status != "active" or timer is None or timer.due != event.due:
        return Decision(snapshot=snapshot, disposition="IGNORED")
    payload: dict[str, Json] = {"timer_id": event.timer_id, "due": write_instant(event.due)}
    entry = Entry(type="TIMER_FIRED", payload=payload)

    def begin() -> Macrostep:
        macrostep = _begin(machine, snapshot, timer.event, entry, now, tracer)
        macrostep.use_up_timer(event.timer_id)
        return macrostep

    try:
        return _go_on(begin(), None, begin)
    except MacrostepFailed as failure:
        return fail(begin(), failure.as_error())


def _go_on(
    macrostep: Macrostep, unhandled: dict[str, Json] | None, begin: Callable[[], Macrostep]
) -> Decision:
    """Let the machine answer; `unhandled` is what the instance fails of when it does not."""
    enabled = macrostep.react()
    if unhandled is not None and not enabled:
        return fail(begin(), unhandled)
    macrostep.settle()
    check_context(macrostep)
    return rest(macrostep)


def _begin(
    machine: Machine,
    snapshot: Snapshot,
    told: EventObject,
    entry: Entry,
    now: datetime,
    tracer: Tracer | None,
) -> Macrostep:
    """A macrostep in which the cause is recorded, and nothing else has happened."""
    configuration = machine.configuration(snapshot.configuration)
    macrostep = Macrostep(machine, configuration, snapshot, told, now, tracer)
    macrostep.entries.append(entry)
    return macrostep


def _unhandled(task: OpenTask, about: dict[str, Json], ending: EventObject) -> dict[str, Json]:
    return {
        "kind": "task_failed",
        "message": (
            f"task {task.name!r} of state {task.state!r} failed and no transition answers it; "
            "give it an error path: an `onError`, or a transition for its failure event"
        ),
        "json_pointer": "",
        "task": about,
        "error": ending["error"],
    }
