"""What the commands of `foliot schedule` do."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice

from foliot.v1 import schedule_pb2, schedule_service_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from rich.text import Text

from control_plane.cli.arguments import (
    duration_given,
    filter_of,
    instant_given,
    labels_given,
    object_given,
)
from control_plane.cli.asking import sure
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from control_plane.cli.paging import Paged, read_all, say_there_is_more
from control_plane.cli.printing import (
    Column,
    console,
    joined,
    print_facts,
    print_json,
    print_line,
    print_rows,
    word,
)
from control_plane.timetable import FireTimes, parse_cron, zone_named

_PREFIX = "OVERLAP_POLICY_"


def run_create(
    target: Target,
    name: str,
    *,
    cron: str,
    definition: str,
    time_zone: str,
    given: str,
    labels: Sequence[str],
    overlap: str,
    catch_up: str,
    jitter: str,
    description: str,
    paused: bool,
    output: str,
) -> None:
    with explained():
        spec = schedule_pb2.ScheduleSpec(
            cron=cron,
            time_zone=time_zone,
            definition_key=definition,
            input=object_given(given, "--input"),
            labels=labels_given(labels),
            overlap_policy=schedule_pb2.OverlapPolicy.Value(_PREFIX + overlap.upper()),
            catch_up_window=duration_given(catch_up, "--catch-up"),
            jitter=duration_given(jitter, "--jitter"),
            description=description,
        )
    request = schedule_service_pb2.CreateScheduleRequest(schedule_id=name, spec=spec, paused=paused)

    async def ask(to: Caller) -> schedule_pb2.Schedule:
        return (await to.schedules.CreateSchedule(request, metadata=to.metadata)).schedule

    _show(call(target, ask), output)


def run_update(
    target: Target,
    name: str,
    *,
    cron: str | None,
    definition: str | None,
    time_zone: str | None,
    given: str | None,
    labels: Sequence[str] | None,
    overlap: str | None,
    catch_up: str | None,
    jitter: str | None,
    description: str | None,
    output: str,
) -> None:
    """
    What is not given stays as it is. Somebody else's change in between is not overwritten: the
    update is refused then.
    """
    with explained():
        changed = schedule_pb2.ScheduleSpec(
            cron=cron or "", time_zone=time_zone or "", definition_key=definition or ""
        )
        if given is not None:
            changed.input.CopyFrom(object_given(given, "--input"))
        if overlap is not None:
            changed.overlap_policy = schedule_pb2.OverlapPolicy.Value(_PREFIX + overlap.upper())
        if catch_up is not None:
            changed.catch_up_window.CopyFrom(duration_given(catch_up, "--catch-up"))
        if jitter is not None:
            changed.jitter.CopyFrom(duration_given(jitter, "--jitter"))
        marks = None if labels is None else labels_given(labels)

    async def ask(to: Caller) -> schedule_pb2.Schedule:
        known = (
            await to.schedules.GetSchedule(
                schedule_service_pb2.GetScheduleRequest(schedule_id=name), metadata=to.metadata
            )
        ).schedule
        for field, _ in changed.ListFields():
            # Merging would join two lengths; one takes the other's place.
            known.spec.ClearField(field.name)  # type: ignore[arg-type]  # one of its own
        known.spec.MergeFrom(changed)
        if marks is not None:
            known.spec.labels.clear()
            known.spec.labels.update(marks)
        if description is not None:
            known.spec.description = description
        request = schedule_service_pb2.UpdateScheduleRequest(
            schedule_id=name, spec=known.spec, expected_revision=known.revision
        )
        return (await to.schedules.UpdateSchedule(request, metadata=to.metadata)).schedule

    _show(call(target, ask), output)


def run_get(target: Target, name: str, output: str) -> None:
    async def ask(to: Caller) -> schedule_pb2.Schedule:
        request = schedule_service_pb2.GetScheduleRequest(schedule_id=name)
        return (await to.schedules.GetSchedule(request, metadata=to.metadata)).schedule

    _show(call(target, ask), output)


def run_pause(target: Target, name: str, reason: str, output: str) -> None:
    async def ask(to: Caller) -> schedule_pb2.Schedule:
        request = schedule_service_pb2.PauseScheduleRequest(schedule_id=name, reason=reason)
        return (await to.schedules.PauseSchedule(request, metadata=to.metadata)).schedule

    _show(call(target, ask), output)


def run_resume(target: Target, name: str, output: str) -> None:
    async def ask(to: Caller) -> schedule_pb2.Schedule:
        request = schedule_service_pb2.ResumeScheduleRequest(schedule_id=name)
        return (await to.schedules.ResumeSchedule(request, metadata=to.metadata)).schedule

    _show(call(target, ask), output)


def run_list(target: Target, definition: str, limit: int | None, output: str) -> None:
    asked = filter_of("", {"definition_key": definition})

    async def ask(to: Caller) -> Paged[schedule_pb2.Schedule]:
        async def page(size: int, token: str) -> tuple[Sequence[schedule_pb2.Schedule], str]:
            answer = await to.schedules.ListSchedules(
                schedule_service_pb2.ListSchedulesRequest(
                    page_size=size, page_token=token, filter=asked
                ),
                metadata=to.metadata,
            )
            return answer.schedules, answer.next_page_token

        return await read_all(page, limit)

    found = call(target, ask, within_s=None)
    if output == "json":
        print_json(found.rows)
        return
    print_rows(
        found.rows,
        [
            Column(name="schedule", of=lambda one: one.schedule_id, whole=True),
            Column(name="cron", of=lambda one: one.spec.cron, whole=True),
            Column(name="time zone", of=lambda one: one.spec.time_zone),
            Column(name="definition", of=lambda one: one.spec.definition_key),
            Column(name="next time", of=_next_time, whole=True),
            Column(name="last time", of=_last_time, whole=True),
        ],
    )
    say_there_is_more(found)


def run_trigger(target: Target, name: str, *, allow_overlap: bool, output: str) -> None:
    async def ask(to: Caller) -> schedule_service_pb2.TriggerScheduleResponse:
        request = schedule_service_pb2.TriggerScheduleRequest(
            schedule_id=name, allow_overlap=allow_overlap
        )
        return await to.schedules.TriggerSchedule(request, metadata=to.metadata)

    instance = call(target, ask).instance
    if output == "json":
        print_json(instance)
    else:
        # Bare, so that a script can take it in.
        print_line(instance.instance_id)


def run_delete(target: Target, name: str, *, yes: bool) -> None:
    sure(f"Forget the schedule {name}?", yes=yes)

    async def ask(to: Caller) -> None:
        request = schedule_service_pb2.DeleteScheduleRequest(schedule_id=name)
        await to.schedules.DeleteSchedule(request, metadata=to.metadata)

    call(target, ask)


def run_preview(cron: str, *, time_zone: str, after: str, count: int, output: str) -> None:
    """As PreviewSchedule answers, by the same reckoning and this machine's clock."""
    with explained():
        zone = zone_named(time_zone, "--time-zone")
        times = FireTimes(parse_cron(cron), zone)
        since = instant_given(after, "--after") if after else datetime.now(UTC)
    found = [one.astimezone(zone) for one in islice(times.every_after(since), count)]
    if output == "json":
        print_json(
            [{"fireTime": _rfc3339(one.astimezone(UTC)), "local": one.isoformat()} for one in found]
        )
        return
    out = console()
    for one in found:
        out.print(
            Text.assemble(
                f"{one:%a} {one.isoformat(' ', 'minutes')}",
                (f"  {_rfc3339(one.astimezone(UTC))}", "dim"),
            )
        )


def _show(schedule: schedule_pb2.Schedule, output: str) -> None:
    if output == "json":
        print_json(schedule)
    else:
        print_facts(_facts(schedule))


def _next_time(schedule: schedule_pb2.Schedule) -> Text:
    if schedule.paused:
        return Text("paused", "yellow")
    return Text(_time(schedule, "next_fire_time"))


def _last_time(schedule: schedule_pb2.Schedule) -> Text:
    return Text(
        _time(schedule, "last_fire_time"), "red" if schedule.HasField("last_failure") else ""
    )


def _facts(schedule: schedule_pb2.Schedule) -> Mapping[str, str]:
    spec = schedule.spec
    failure = schedule.last_failure
    return {
        "schedule": schedule.schedule_id,
        "about": spec.description,
        "cron": f"{spec.cron}  ({spec.time_zone})",
        "definition": spec.definition_key,
        "input": spec.input.json if spec.input.json != "{}" else "",
        "labels": joined(spec.labels),
        "overlap": word(schedule_pb2.OverlapPolicy, spec.overlap_policy).lower(),
        "next time": f"paused: {schedule.pause_reason or 'no reason given'}"
        if schedule.paused
        else _time(schedule, "next_fire_time") or "none any more",
        "waiting": _time(schedule, "buffered_fire_time"),
        "last time": _time(schedule, "last_fire_time"),
        "last instance": schedule.last_instance_id,
        "last failure": f"{failure.reason}: {failure.message}" if failure.reason else "",
        "missed from": _time(schedule, "last_missed_time"),
        "running": ", ".join(schedule.running_instance_ids),
        "so far": f"{schedule.start_count} started, {schedule.skip_count} skipped,"
        f" {schedule.failure_count} failed",
    }


def _time(schedule: schedule_pb2.Schedule, field: str) -> str:
    """As the clock of its time zone shows it."""
    if not schedule.HasField(field):  # type: ignore[arg-type]  # one of the names above
        return ""
    at: Timestamp = getattr(schedule, field)
    local = at.ToDatetime(tzinfo=UTC).astimezone(zone_named(schedule.spec.time_zone))
    return local.isoformat(" ", "seconds")


def _rfc3339(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
