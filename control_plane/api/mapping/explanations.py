"""Explanations of instances on the wire."""

from collections.abc import Mapping

from foliot.v1 import explanation_pb2 as pb
from foliot.v1.json_pb2 import Json as JsonMessage

from control_plane.api.mapping.instances import status_to
from control_plane.api.mapping.tasks import type_to
from control_plane.api.mapping.texts import to_json
from control_plane.api.mapping.times import timestamp
from control_plane.engine import AwaitedTask, AwaitedTimer, Candidate
from control_plane.engine.explaining import GuardValue
from control_plane.ports.people import Terms
from control_plane.use_cases.explain_instance import Explained
from shared import json
from shared.ids import task_id as make_task_id
from shared.json import Json
from shared.tasks import TaskType

MAX_LISTED = 200
"""Rows of each list in an explanation."""

MAX_OPERAND = 1_000
"""Characters of an operand's JSON text; of a longer one only the beginning is told."""

_VALUES: dict[GuardValue, pb.GuardValue.ValueType] = {
    "TRUE": pb.GUARD_VALUE_TRUE,
    "FALSE": pb.GUARD_VALUE_FALSE,
    "DEPENDS_ON_EVENT": pb.GUARD_VALUE_DEPENDS_ON_EVENT,
    "ERROR": pb.GUARD_VALUE_ERROR,
}


def explanation_to(explained: Explained) -> pb.Explanation:
    instance, explanation = explained.instance, explained.explanation
    of = instance.instance_id
    operands = Operands()
    return pb.Explanation(
        instance_id=str(of),
        summary=explanation.summary,
        status=status_to(instance.status),
        paused=instance.paused,
        state=to_json(instance.current_state),
        explain_time=timestamp(explained.now),
        tasks=[_task_to(explained, one) for one in explanation.tasks[:MAX_LISTED]],
        children=[_task_to(explained, one) for one in explanation.children[:MAX_LISTED]],
        timers=[timer_to(one) for one in explanation.timers[:MAX_LISTED]],
        deferred_event_types=explanation.deferred[:MAX_LISTED],
        accepted_event_types=explanation.accepts,
        transitions=[_candidate_to(one, operands) for one in explanation.candidates[:MAX_LISTED]],
        next_deadline_time=timestamp(explanation.next_deadline),
        nothing_can_wake=explanation.nothing_can_wake,
        why=explanation.why,
    )


def timer_to(timer: AwaitedTimer) -> pb.AwaitedTimer:
    return pb.AwaitedTimer(
        timer_id=timer.timer_id,
        due_time=timestamp(timer.due),
        event=timer.event,
        state=timer.state,
        overdue=timer.is_overdue,
    )


def value_to(value: GuardValue) -> pb.GuardValue.ValueType:
    return _VALUES[value]


class Operands:
    """
    Operands on the wire, each value written once however many guards have read it: a
    context of 256 KiB is not written two hundred times over.
    """

    def __init__(self) -> None:
        self._texts: dict[int, tuple[Json, str]] = {}

    def to(self, operands: Mapping[str, Json]) -> dict[str, JsonMessage]:
        return {path: JsonMessage(json=self._text(value)) for path, value in operands.items()}

    def _text(self, value: Json) -> str:
        known = self._texts.get(id(value))
        if known is None:
            text = json.dump(value)
            if len(text) > MAX_OPERAND:
                text = json.dump(f"{text[:MAX_OPERAND]}…")
            # The value is kept with it: its id stays its own for as long as it lives.
            known = self._texts[id(value)] = (value, text)
        return known[1]


def _task_to(explained: Explained, task: AwaitedTask) -> pb.AwaitedTask:
    row = explained.tasks.get(task.ordinal)
    terms = Terms.of(None if row is None else row.terms)
    return pb.AwaitedTask(
        task_id=make_task_id(explained.instance.instance_id, task.ordinal),
        ordinal=task.ordinal,
        name=task.name,
        type=type_to(TaskType(task.type)),
        state=task.state,
        detached=task.detached,
        run_time=timestamp(task.run_at),
        limits=explained.held_back.get(task.ordinal, ()),
        assignee=(row.assignee or "") if row is not None else "",
        candidate_users=terms.users,
        candidate_roles=terms.roles,
        due_time=timestamp(row.due_at) if row is not None else None,
    )


def _candidate_to(candidate: Candidate, operands: Operands) -> pb.CandidateTransition:
    return pb.CandidateTransition(
        json_pointer=candidate.json_pointer,
        source=candidate.source,
        event_type=candidate.event,
        trigger=candidate.trigger,
        targets=candidate.targets,
        guard=candidate.guard,
        value=value_to(candidate.value),
        operands=operands.to(candidate.operands),
        error=candidate.error or "",
        shadowed_by=candidate.shadowed_by or "",
    )
