"""Carry out the starts that were decided for schedules. Repeating is harmless."""

from collections.abc import Mapping, Sequence

from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import (
    Cancel,
    OnClosed,
    OnRunning,
    Repeatable,
    Request,
    Start,
    Terminate,
)
from control_plane.ports.schedule_store import Firing, Schedule, ScheduleKey
from control_plane.timetable import zone_named
from control_plane.use_cases.submits import Submits
from shared import json
from shared.errors import Conflict, FoliotError, Overloaded, Unavailable
from shared.ids import InstanceId
from shared.json import Json

ABOUT = "schedule"
"""The key of an instance's input under which it learns for what time it was started."""

REPLACED = "its schedule starts the next one"


async def carry_out_firings(
    orchestrator: Submits, schedules: Sequence[Schedule]
) -> Mapping[ScheduleKey, Answer | FoliotError]:
    """
    What the firing of each came to: a started instance, or an error.

    Where the policy wants that, the others are stopped first; whoever has ended meanwhile needs
    no stopping. See `may_pass` for which errors are not the last word.
    """
    met = await _stop_others(orchestrator, schedules)
    begun = [one for one in schedules if one.key not in met]
    answers = await orchestrator.submit_all([_start(one) for one in begun])
    return met | {one.key: answer for one, answer in zip(begun, answers, strict=True)}


def may_pass(error: FoliotError) -> bool:
    """Whether the same may be answered otherwise in a moment: busy, or out of reach."""
    return isinstance(error, Unavailable | Overloaded | Conflict)


async def _stop_others(
    orchestrator: Submits, schedules: Sequence[Schedule]
) -> dict[ScheduleKey, Answer | FoliotError]:
    """Those schedules whose others cannot be stopped now, with why."""
    stops = [(one, _stop(one, other)) for one in schedules for other in _firing(one).stops]
    answers = await orchestrator.submit_all([request for _, request in stops])
    return {
        one.key: answer
        for (one, _), answer in zip(stops, answers, strict=True)
        if isinstance(answer, FoliotError) and may_pass(answer)
    }


def _stop(schedule: Schedule, other: InstanceId) -> Request:
    by = _started_by(schedule)
    return Request(
        tenant_id=schedule.tenant_id,
        instance_id=other,
        asked=Terminate(reason=REPLACED, terminated_by=by)
        if schedule.spec.overlap == "terminate_other"
        else Cancel(reason=REPLACED, cancelled_by=by),
    )


def _start(schedule: Schedule) -> Request:
    """Its id is the firing's: a second start of it finds the first one's instance."""
    firing = _firing(schedule)
    labels = json.load(schedule.spec.labels)
    assert isinstance(labels, dict)
    return Request(
        tenant_id=schedule.tenant_id,
        instance_id=firing.instance_id,
        asked=Start(
            definition_id=None,
            definition_key=schedule.spec.definition_key,
            business_key=None,
            on_running=OnRunning.FAIL,
            on_closed=OnClosed.ALLOW,
            input=_input(schedule, firing),
            labels={name: str(label) for name, label in labels.items()},
            started_by=firing.triggered_by or _started_by(schedule),
            schedule_id=schedule.schedule_id,
        ),
        repeatable=None
        if firing.request_id is None
        else Repeatable(request_id=firing.request_id, fingerprint=firing.fingerprint),
    )


def _input(schedule: Schedule, firing: Firing) -> Json:
    given = json.load(schedule.spec.input)
    assert isinstance(given, dict)
    local = firing.nominal.astimezone(zone_named(schedule.spec.time_zone))
    return {
        **given,
        ABOUT: {
            "id": schedule.schedule_id,
            "time": firing.nominal.isoformat().replace("+00:00", "Z"),
            "local_time": local.isoformat(),
            "time_zone": schedule.spec.time_zone,
            "triggered": firing.triggered_by is not None,
        },
    }


def _firing(schedule: Schedule) -> Firing:
    assert schedule.firing is not None
    return schedule.firing


def _started_by(schedule: Schedule) -> str:
    return f"schedule:{schedule.schedule_id}"
