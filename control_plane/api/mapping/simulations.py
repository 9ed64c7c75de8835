"""Simulations on the wire."""

from collections.abc import Sequence
from typing import TypeVar

from foliot.v1 import event_preview_pb2, history_entry_pb2, instance_pb2
from foliot.v1 import simulation_pb2 as pb
from foliot.v1.json_pb2 import Json as JsonMessage

from control_plane.api.mapping.instances import disposition_to, status_to
from control_plane.api.mapping.previews import microsteps_to
from control_plane.api.mapping.times import timestamp
from control_plane.engine import Disposition, Entry
from control_plane.simulation import (
    Happening,
    PlayedStep,
    Refused,
    Simulation,
    TaskView,
    TimerView,
)
from control_plane.simulation.as_json import name_of
from shared import json
from shared.json import Json

T = TypeVar("T")

MAX_TOLD = 2 * 1024 * 1024
"""Characters of all JSON values in an answer."""

MAX_HAPPENINGS = 1_000

MAX_ROWS = 10_000
"""Entries, tasks, timers, event types and candidates of an answer, all together."""

_KINDS: dict[str, pb.SimulatedHappeningKind.ValueType] = {
    "start": pb.SIMULATED_HAPPENING_KIND_START,
    "event": pb.SIMULATED_HAPPENING_KIND_EVENT,
    "deferred": pb.SIMULATED_HAPPENING_KIND_DEFERRED,
    "task": pb.SIMULATED_HAPPENING_KIND_TASK,
    "attempt": pb.SIMULATED_HAPPENING_KIND_ATTEMPT,
    "waiting": pb.SIMULATED_HAPPENING_KIND_WAITING,
    "timer": pb.SIMULATED_HAPPENING_KIND_TIMER,
    "cancel": pb.SIMULATED_HAPPENING_KIND_CANCEL,
}
_DISPOSITIONS: dict[str, Disposition] = {
    "APPLIED": "APPLIED",
    "IGNORED": "IGNORED",
    "DEFERRED": "DEFERRED",
    "REJECTED": "REJECTED",
}


def simulation_to(simulation: Simulation) -> pb.Simulation:
    """Within the limits of an answer; `truncated` says if there was more."""
    telling = _Telling()
    steps = [telling.step(one) for one in simulation.steps]
    return pb.Simulation(
        steps=steps, limit_reached=simulation.stopped or "", truncated=telling.is_truncated
    )


class _Telling:
    """One answer while it is filled, and the room that is left in it."""

    def __init__(self) -> None:
        self.is_truncated = False
        self._room = MAX_TOLD
        self._rows = MAX_ROWS
        self._happenings = 0
        self._context: Json = None

    def step(self, played: PlayedStep) -> pb.SimulatedStep:
        seen = played.seen
        left = MAX_HAPPENINGS - self._happenings
        self._happenings += len(played.happenings)
        self.is_truncated |= len(played.happenings) > left
        told = pb.SimulatedStep(
            description=name_of(played.step),
            end_time=timestamp(played.at),
            happenings=[self._happening(one) for one in played.happenings[: max(left, 0)]],
            refusal=_refusal_to(seen.refused),
        )
        if seen.disposition is not None:
            told.disposition = disposition_to(_DISPOSITIONS[seen.disposition])
        if seen.status is None:
            return told
        told.status = status_to(seen.status)
        self._set(told.state, seen.state)
        if seen.context != self._context:
            self._context = seen.context
            self._set(told.context, seen.context)
        if seen.output is not None:
            self._set(told.output, seen.output)
        if isinstance(seen.error, dict):
            told.error.CopyFrom(
                instance_pb2.InstanceError(
                    kind=str(seen.error["kind"]),
                    message=str(seen.error["message"]),
                    json_pointer=str(seen.error["json_pointer"]),
                )
            )
        told.tasks.extend(self._task(one) for one in self._some(seen.tasks))
        told.timers.extend(_timer_to(one) for one in self._some(played.timers))
        told.accepted_event_types.extend(self._some(seen.accepts))
        told.deferred_event_types.extend(self._some(played.deferred))
        return told

    def _happening(self, happening: Happening) -> pb.SimulatedHappening:
        microsteps, is_cut = microsteps_to(happening.trace)
        self.is_truncated |= is_cut
        candidates = sum(len(one.considered) for one in microsteps)
        if candidates > self._rows:
            self.is_truncated, microsteps = True, []
        else:
            self._rows -= candidates
        told = pb.SimulatedHappening(
            happening_time=timestamp(happening.at),
            kind=_KINDS[happening.kind],
            subject=happening.subject,
            ordinal=happening.ordinal or 0,
            attempt=happening.attempt or 0,
            run_time=timestamp(happening.run_at),
            disposition=disposition_to(_DISPOSITIONS[happening.disposition]),
            refusal=_refusal_to(happening.refused),
            history=[self._entry(one) for one in self._some(happening.history)],
            created_tasks=[self._task(one) for one in self._some(happening.created)],
            cancelled_ordinals=self._some(happening.cancelled),
            armed_timers=[_timer_to(one) for one in self._some(happening.armed)],
            disarmed_timer_ids=self._some(happening.disarmed),
            microsteps=microsteps,
        )
        if happening.payload is not None:
            self._set(told.payload, happening.payload)
        if happening.error is not None:
            self._set(told.error, happening.error)
        if happening.trace is not None and happening.trace.logged:
            self._set(told.logged, list(happening.trace.logged))
        return told

    def _entry(self, entry: Entry) -> pb.SimulatedEntry:
        told = pb.SimulatedEntry(
            type=history_entry_pb2.HistoryEntryType.Value(f"HISTORY_ENTRY_TYPE_{entry.type}"),
            ordinal=entry.ordinal or 0,
        )
        if entry.payload:
            self._set(told.payload, entry.payload)
        return told

    def _task(self, task: TaskView) -> pb.SimulatedTask:
        told = pb.SimulatedTask(
            ordinal=task.ordinal, name=task.name, type=task.type, attempt=task.attempt
        )
        self._set(told.input, task.input)
        return told

    def _some(self, rows: Sequence[T]) -> Sequence[T]:
        """As many of them as there is room for."""
        told = rows[: self._rows]
        self._rows -= len(told)
        self.is_truncated |= len(told) < len(rows)
        return told

    def _set(self, field: JsonMessage, value: Json) -> None:
        """Set the field while there is room; one value that is too large takes no room away."""
        text = json.dump(value)
        if len(text) > self._room:
            self.is_truncated = True
            return
        self._room -= len(text)
        field.json = text


def _timer_to(timer: TimerView) -> pb.SimulatedTimer:
    return pb.SimulatedTimer(timer_id=timer.timer_id, due_time=timestamp(timer.due))


def _refusal_to(refused: Refused | None) -> event_preview_pb2.EventRefusal | None:
    if refused is None:
        return None
    metadata = {}
    if refused.accepts:
        metadata["accepts"] = ", ".join(refused.accepts)
    if refused.json_pointer:
        metadata["json_pointer"] = refused.json_pointer
    return event_preview_pb2.EventRefusal(
        reason=refused.reason, message=refused.message, metadata=metadata
    )
