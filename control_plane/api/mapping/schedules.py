"""Schedules on the wire."""

from collections.abc import Sequence

from foliot.v1 import schedule_pb2 as pb

from control_plane.api.mapping.texts import text_of, to_json
from control_plane.api.mapping.times import duration, length_of, timestamp
from control_plane.ports.schedule_store import Overlap, Schedule, ScheduleSpec
from control_plane.use_cases.preview_schedule import FireTime
from control_plane.use_cases.schedule_fields import WantedSchedule
from shared import json
from shared.errors import InvalidRequest
from shared.ids import InstanceId
from shared.json import Json

_OVERLAPS: dict[Overlap, pb.OverlapPolicy.ValueType] = {
    "skip": pb.OVERLAP_POLICY_SKIP,
    "buffer_one": pb.OVERLAP_POLICY_BUFFER_ONE,
    "allow": pb.OVERLAP_POLICY_ALLOW,
    "cancel_other": pb.OVERLAP_POLICY_CANCEL_OTHER,
    "terminate_other": pb.OVERLAP_POLICY_TERMINATE_OTHER,
}
_ASKED: dict[int, Overlap] = {
    pb.OVERLAP_POLICY_UNSPECIFIED: "skip",
    **{value: name for name, value in _OVERLAPS.items()},
}


def wanted_from(spec: pb.ScheduleSpec) -> WantedSchedule:
    overlap = _ASKED.get(spec.overlap_policy)
    if overlap is None:
        raise InvalidRequest(
            f"spec.overlap_policy {spec.overlap_policy} is none that there is",
            field="spec.overlap_policy",
        )
    return WantedSchedule(
        cron=spec.cron,
        time_zone=spec.time_zone,
        definition_key=spec.definition_key,
        input=text_of(spec, "input"),
        labels=dict(spec.labels),
        overlap=overlap,
        catch_up=length_of(spec.catch_up_window, "spec.catch_up_window")
        if spec.HasField("catch_up_window")
        else None,
        jitter=length_of(spec.jitter, "spec.jitter") if spec.HasField("jitter") else None,
        description=spec.description,
    )


def schedule_to(schedule: Schedule, running: Sequence[InstanceId] = ()) -> pb.Schedule:
    return pb.Schedule(
        schedule_id=schedule.schedule_id,
        spec=_spec_to(schedule.spec),
        revision=schedule.revision,
        paused=schedule.paused_at is not None,
        pause_reason=schedule.pause_reason,
        next_fire_time=timestamp(schedule.next_at),
        buffered_fire_time=timestamp(schedule.buffered_at),
        last_fire_time=timestamp(schedule.last_at),
        last_instance_id=str(schedule.last_instance_id or ""),
        last_failure=_failure_to(schedule.last_error),
        last_missed_time=timestamp(schedule.last_missed_at),
        start_count=schedule.starts,
        skip_count=schedule.skips,
        failure_count=schedule.failures,
        running_instance_ids=[str(one) for one in running],
        created_by=schedule.created_by,
        create_time=timestamp(schedule.created_at),
        update_time=timestamp(schedule.updated_at),
    )


def fire_time_to(found: FireTime) -> pb.FireTime:
    return pb.FireTime(fire_time=timestamp(found.instant), local=found.local.isoformat())


def _spec_to(spec: ScheduleSpec) -> pb.ScheduleSpec:
    return pb.ScheduleSpec(
        cron=spec.cron,
        time_zone=spec.time_zone,
        definition_key=spec.definition_key,
        input=to_json(spec.input),
        labels={name: str(label) for name, label in _object(spec.labels).items()},
        overlap_policy=_OVERLAPS[spec.overlap],
        catch_up_window=duration(spec.catch_up),
        jitter=duration(spec.jitter),
        description=spec.description,
    )


def _failure_to(text: str | None) -> pb.ScheduleFailure | None:
    if text is None:
        return None
    error = _object(text)
    return pb.ScheduleFailure(reason=str(error["reason"]), message=str(error["message"]))


def _object(text: str) -> dict[str, Json]:
    value = json.load(text)
    assert isinstance(value, dict)
    return value
