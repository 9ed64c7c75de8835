"""
What is done to an instance past its statechart: end it at once, take it up again after a failure,
let it go on after a pause, ask a person about what an AI task came to. No action of the spec runs
for any of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from control_plane.engine.choosing import ask_a_person
from control_plane.engine.commands import ArmTimer, CancelTask, Command, DisarmTimer, RepeatTask
from control_plane.engine.decision import Decision, Entry, InstanceClosed
from control_plane.engine.events import (
    Received,
    Redriven,
    Resumed,
    Retried,
    Suggested,
    Terminated,
)
from control_plane.engine.settling import refuse
from control_plane.engine.snapshot import OpenTask, OpenTimer, Snapshot
from shared.json import Json

_MICROSECOND = timedelta(microseconds=1)


def intervene(
    snapshot: Snapshot, event: Suggested | Terminated | Retried | Resumed | Redriven
) -> Decision:
    """Refused, as a sender's event would be, where the instance is past it, or not yet there."""
    if isinstance(event, Suggested):
        return ask_a_person(snapshot, event)
    if isinstance(event, Redriven):
        return _redrive(snapshot, event)
    stalled = snapshot.stalled
    if isinstance(event, Retried):
        if stalled is None:
            return refuse(snapshot, Received(type="xstate.retry"), _ended(snapshot), None)
        return _retry(snapshot, event)
    if snapshot.status != "active":
        return refuse(snapshot, Received(type="xstate.stop"), _ended(snapshot), None)
    return (
        _terminate(snapshot, event) if isinstance(event, Terminated) else _resume(snapshot, event)
    )


def _terminate(snapshot: Snapshot, event: Terminated) -> Decision:
    commands: list[Command] = [CancelTask(ordinal=ordinal) for ordinal in snapshot.tasks]
    commands += [DisarmTimer(timer_id=key) for key in sorted(snapshot.timers)]
    entries = [Entry(type="INSTANCE_TERMINATED", payload={"reason": event.reason})]
    entries += [
        Entry(type="TASK_CANCELLED", payload={}, ordinal=ordinal) for ordinal in snapshot.tasks
    ]
    ended = replace(
        snapshot,
        status="cancelled",
        tasks={},
        timers={},
        groups={},
        finishing=False,
        cancelling=None,
    )
    return Decision(snapshot=ended, commands=tuple(commands), history=tuple(entries))


def _retry(snapshot: Snapshot, event: Retried) -> Decision:
    """
    Every task that was open is created anew, the one that failed included, and every timer is
    armed for the instant it had. What was done before the failure stays done.
    """
    stalled = snapshot.stalled
    assert stalled is not None
    entries = [Entry(type="INSTANCE_RETRIED", payload={"reason": event.reason})]
    commands: list[Command] = []
    tasks: dict[int, OpenTask] = dict(snapshot.tasks)
    ordinal = snapshot.next_ordinal
    for of, task in stalled.tasks.items():
        if task.reviews is not None:
            # The AI task is begun anew, and comes to a suggestion of its own.
            continue
        tasks[ordinal] = task
        commands.append(RepeatTask(ordinal=ordinal, of=of))
        payload: dict[str, Json] = {"name": task.name, "type": task.type, "repeats": of}
        entries.append(Entry(type="TASK_CREATED", payload=payload, ordinal=ordinal))
        ordinal += 1
    commands += _armed(stalled.timers)
    going_on = replace(
        snapshot,
        status="active",
        error=None,
        tasks=tasks,
        timers=stalled.timers,
        groups=stalled.groups,
        next_ordinal=ordinal,
        finishing=stalled.finishing,
        cancelling=stalled.cancelling,
        stalled=None,
    )
    return Decision(snapshot=going_on, commands=tuple(commands), history=tuple(entries))


def _redrive(snapshot: Snapshot, event: Redriven) -> Decision:
    ordinal = snapshot.next_ordinal
    task = OpenTask(name=event.name, type=event.type, state="", detached=True)
    payload: dict[str, Json] = {"name": event.name, "type": event.type, "repeats": event.of}
    return Decision(
        snapshot=replace(
            snapshot,
            tasks={**snapshot.tasks, ordinal: task},
            next_ordinal=ordinal + 1,
            redriven=snapshot.redriven | {event.of},
        ),
        commands=(RepeatTask(ordinal=ordinal, of=event.of),),
        history=(Entry(type="TASK_REDRIVEN", payload=payload, ordinal=ordinal),),
    )


def _resume(snapshot: Snapshot, event: Resumed) -> Decision:
    timers: Mapping[str, OpenTimer] = snapshot.timers
    if event.shift:
        timers = {key: replace(one, due=one.due + event.shift) for key, one in timers.items()}
    payload: dict[str, Json] = {
        "reason": event.reason,
        "shift_us": event.shift // _MICROSECOND,
    }
    return Decision(
        snapshot=replace(snapshot, timers=timers),
        commands=tuple(_armed(timers)),
        history=(Entry(type="INSTANCE_RESUMED", payload=payload),),
    )


def _armed(timers: Mapping[str, OpenTimer]) -> list[Command]:
    return [ArmTimer(timer_id=key, due=timers[key].due) for key in sorted(timers)]


def _ended(snapshot: Snapshot) -> InstanceClosed:
    return InstanceClosed(snapshot.status)
