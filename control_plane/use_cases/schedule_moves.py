"""
How a schedule gets on: from one state of it to the next, decided here and written elsewhere.

A start is decided and the schedule moved on to its next time in one write, and carried out after
it. So a time is decided about once, by one control plane; and what was decided is carried out,
by whoever is there to do it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from control_plane.ports.records import JsonText
from control_plane.ports.schedule_store import Firing, Schedule, ScheduleSpec
from control_plane.timetable import FireTimes, parse_cron, zone_named
from shared import json
from shared.errors import FoliotError, PreconditionFailed
from shared.ids import InstanceId, scheduled_instance_id

MAX_CATCH_UP = 100
"""Times that are caught up with after a downtime: the newest of those within the window."""

_JITTER = UUID("a2d3d7a6-1f0c-5b0e-8a52-6c5f2b4e9d10")
_INSTANT = timedelta(microseconds=1)


def fire_times(spec: ScheduleSpec) -> FireTimes:
    return FireTimes(parse_cron(spec.cron), zone_named(spec.time_zone))


def begun(schedule: Schedule, now: datetime) -> Schedule:
    """Its next time is the first one after now: what was before is nobody's."""
    return _aimed(schedule, fire_times(schedule.spec).after(now))


def decided(schedule: Schedule, running: Sequence[InstanceId], now: datetime) -> Schedule:
    """
    The schedule once the next thing was decided about it: a start, if one is to be; times that
    the overlap policy leaves out; times that are too old. The same one if there is nothing.
    """
    while schedule.firing is None and schedule.paused_at is None:
        moved = _one_decided(schedule, running, now)
        if moved is schedule:
            break
        schedule = moved
    return schedule


def triggered(
    schedule: Schedule,
    running: Sequence[InstanceId],
    firing: Firing,
    *,
    allow_overlap: bool,
) -> Schedule:
    """
    With a start that somebody asked for, besides those of the calendar, paused or not.

    Raises PreconditionFailed where another instance runs and the policy lets none begin beside it.
    """
    if not running or allow_overlap or schedule.spec.overlap == "allow":
        return replace(schedule, firing=firing)
    if schedule.spec.overlap in {"cancel_other", "terminate_other"}:
        return replace(schedule, firing=replace(firing, stops=tuple(running)))
    raise PreconditionFailed(
        f"instance {running[0]} of schedule {schedule.schedule_id!r} is still running; wait for it,"
        " cancel it, or trigger with allow_overlap",
        reason="SCHEDULE_RUNNING",
        metadata={"schedule_id": schedule.schedule_id, "instance_id": str(running[0])},
    )


def settled(schedule: Schedule, came_to: InstanceId | FoliotError) -> Schedule:
    """Its start was carried out: there is an instance, or an error that will not pass."""
    firing = schedule.firing
    assert firing is not None
    after = replace(schedule, firing=None, last_at=firing.nominal)
    if isinstance(came_to, FoliotError):
        return replace(
            after,
            last_instance_id=None,
            last_error=_told(came_to),
            failures=schedule.failures + 1,
        )
    return replace(after, last_instance_id=came_to, last_error=None, starts=schedule.starts + 1)


def paused(schedule: Schedule, reason: str, now: datetime) -> Schedule:
    """It starts nothing; a time that waits is given up. What was decided is carried out."""
    return replace(
        _aimed(schedule, None),
        paused_at=now,
        pause_reason=reason,
        buffered_at=None,
        revision=schedule.revision + 1,
        updated_at=now,
    )


def resumed(schedule: Schedule, now: datetime) -> Schedule:
    """Times that came during the pause are gone."""
    running = replace(
        schedule, paused_at=None, pause_reason="", revision=schedule.revision + 1, updated_at=now
    )
    return begun(running, now)


def respecified(schedule: Schedule, spec: ScheduleSpec, now: datetime) -> Schedule:
    """From now on by another spec; a time that waits is given up."""
    changed = replace(
        schedule,
        spec=spec,
        buffered_at=None,
        revision=schedule.revision + 1,
        updated_at=now,
    )
    return changed if changed.paused_at is not None else begun(changed, now)


def _one_decided(schedule: Schedule, running: Sequence[InstanceId], now: datetime) -> Schedule:
    if schedule.buffered_at is not None and not running:
        waited = schedule.buffered_at
        return _to_start(replace(schedule, buffered_at=None), waited, (), now)
    if schedule.due_at is None or schedule.due_at > now:
        return schedule
    kept = _without_missed(schedule, now)
    if kept.next_at is None or kept.due_at is None or kept.due_at > now:
        return kept
    nominal = kept.next_at
    moved = _aimed(kept, fire_times(kept.spec).after(nominal))
    overlap = kept.spec.overlap
    if not running or overlap == "allow":
        return _to_start(moved, nominal, (), now)
    if overlap in {"cancel_other", "terminate_other"}:
        return _to_start(moved, nominal, running, now)
    if overlap == "buffer_one" and moved.buffered_at is None:
        return replace(moved, buffered_at=nominal)
    return replace(moved, skips=moved.skips + 1)


def _without_missed(schedule: Schedule, now: datetime) -> Schedule:
    """At the first of its due times that is not too old, or at the one to come."""
    first, spec = schedule.next_at, schedule.spec
    assert first is not None
    times = fire_times(spec)
    # A time is as old as it is late, and its jitter is no lateness.
    oldest = now - spec.catch_up - spec.jitter
    kept = times.newest(max(first, oldest) - _INSTANT, now, MAX_CATCH_UP)
    going_on = kept[0] if kept else times.after(now)
    if going_on == first:
        return schedule
    return replace(_aimed(schedule, going_on), last_missed_at=first)


def _to_start(
    schedule: Schedule, nominal: datetime, stops: Sequence[InstanceId], now: datetime
) -> Schedule:
    firing = Firing(
        nominal=nominal,
        instance_id=scheduled_instance_id(schedule.incarnation, nominal),
        decided_at=now,
        stops=tuple(stops),
    )
    return replace(schedule, firing=firing)


def _aimed(schedule: Schedule, nominal: datetime | None) -> Schedule:
    if nominal is None:
        return replace(schedule, next_at=None, due_at=None)
    return replace(schedule, next_at=nominal, due_at=nominal + _jitter_of(schedule, nominal))


def _jitter_of(schedule: Schedule, nominal: datetime) -> timedelta:
    """Left to chance once: by any control plane, however often, the same for one time."""
    if not schedule.spec.jitter:
        return timedelta(0)
    chance = uuid5(_JITTER, f"{schedule.incarnation} {nominal.timestamp()}").int / 2**128
    return schedule.spec.jitter * chance


def _told(error: FoliotError) -> JsonText:
    return json.dump({"reason": error.reason, "message": error.message})
