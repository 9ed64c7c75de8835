"""What an event would do, on the wire."""

from collections.abc import Sequence

from foliot.v1 import event_preview_pb2 as pb
from foliot.v1 import history_entry_pb2, task_pb2

from control_plane.api.mapping.explanations import MAX_LISTED, Operands, timer_to, value_to
from control_plane.api.mapping.history import entry_to
from control_plane.api.mapping.instances import disposition_to, instance_to
from control_plane.api.mapping.tasks import type_to
from control_plane.api.mapping.texts import to_json
from control_plane.api.mapping.times import timestamp
from control_plane.engine import AwaitedTimer, Considered, Microstep, Trace, timers_of
from control_plane.engine.explaining import GuardValue
from control_plane.orchestrator.rehearsing import Preview
from control_plane.ports.instance_store import NewTask
from control_plane.ports.records import HistoryEntry
from shared import json
from shared.errors import FoliotError
from shared.ids import InstanceId
from shared.ids import task_id as make_task_id

MAX_INPUTS = 1024 * 1024
"""Characters of the inputs of all tasks that a preview tells of."""

MAX_LOGGED = 64 * 1024
"""Characters of what a preview says was logged."""


def preview_to(preview: Preview) -> pb.EventPreview:
    change = preview.change
    instance = preview.before if change is None else change.after
    of = instance.instance_id
    entries: Sequence[HistoryEntry] = () if change is None else change.entries
    created = [] if change is None else [one for one in change.new_tasks if not one.is_cancelled]
    cancelled = (
        []
        if change is None
        else [one.ordinal for one in change.updated_tasks if one.status == "cancelled"]
    )
    armed = _armed(preview)
    microsteps, is_cut = microsteps_to(preview.trace)
    logged = json.dump(list(preview.trace.logged)) if preview.trace else "[]"
    return pb.EventPreview(
        disposition=disposition_to(preview.disposition),
        refusal=None if preview.error is None else _refusal_to(preview.error),
        instance=instance_to(instance, full=True),
        history=[_entry_to(of, one) for one in entries[:MAX_LISTED]],
        created_tasks=_tasks_to(preview, created[:MAX_LISTED]),
        cancelled_task_ids=[make_task_id(of, one) for one in cancelled],
        armed_timers=[timer_to(one) for one in armed[:MAX_LISTED]],
        disarmed_timer_ids=_disarmed(preview),
        microsteps=microsteps,
        truncated=is_cut or max(len(entries), len(created), len(armed)) > MAX_LISTED,
        logged=to_json(logged) if logged != "[]" and len(logged) <= MAX_LOGGED else None,
    )


def _refusal_to(error: FoliotError) -> pb.EventRefusal:
    return pb.EventRefusal(reason=error.reason, message=error.message, metadata=error.metadata)


def _entry_to(of: InstanceId, entry: HistoryEntry) -> history_entry_pb2.HistoryEntry:
    """Without its hash: what is written in the end may come after other entries."""
    told = entry_to(of, entry)
    told.ClearField("hash")
    return told


def _tasks_to(preview: Preview, tasks: Sequence[NewTask]) -> list[task_pb2.Task]:
    found = []
    room = MAX_INPUTS
    for task in tasks:
        room -= len(task.input)
        found.append(
            task_pb2.Task(
                task_id=make_task_id(preview.before.instance_id, task.ordinal),
                instance_id=str(preview.before.instance_id),
                ordinal=task.ordinal,
                name=task.name,
                type=type_to(task.type),
                function=task.function or "",
                queue=task.queue,
                status=task_pb2.TASK_STATUS_PENDING,
                run_time=timestamp(task.run_at),
                max_attempts=task.max_attempts,
                priority=task.priority,
                idempotency_key=str(task.idempotency_key),
                input=to_json(task.input) if room >= 0 else None,
            )
        )
    return found


def _armed(preview: Preview) -> list[AwaitedTimer]:
    """Those of the statechart. A change also arms clocks of tasks, which are nobody's event."""
    snapshot = preview.draft.snapshot
    if preview.change is None or snapshot is None:
        return []
    timers = timers_of(preview.draft.machine, snapshot, preview.draft.now)
    return [one for one in timers if one.timer_id in preview.change.armed]


def _disarmed(preview: Preview) -> list[str]:
    if preview.change is None:
        return []
    return [one for one in preview.change.disarmed if one in preview.timers]


def microsteps_to(trace: Trace | None) -> tuple[list[pb.Microstep], bool]:
    """Up to MAX_LISTED candidates in all, and whether there were more."""
    if trace is None:
        return [], False
    operands = Operands()
    found: list[pb.Microstep] = []
    room = MAX_LISTED
    for step in trace.microsteps:
        if room < max(len(step.considered), 1):
            return found, True
        room -= max(len(step.considered), 1)
        found.append(_microstep_to(step, operands))
    return found, trace.is_cut_short


def _microstep_to(step: Microstep, operands: Operands) -> pb.Microstep:
    return pb.Microstep(
        event=step.event,
        eventless=step.eventless,
        considered=[
            pb.ConsideredTransition(
                json_pointer=one.json_pointer,
                source=one.source,
                value=value_to(_value_of(one)),
                operands=operands.to(one.operands),
                error=one.error or "",
            )
            for one in step.considered
        ],
        chosen=step.chosen,
        exited=step.exited,
        entered=step.entered,
    )


def _value_of(considered: Considered) -> GuardValue:
    if considered.error is not None:
        return "ERROR"
    return "FALSE" if considered.guard is False else "TRUE"
