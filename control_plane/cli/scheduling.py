"""What the commands of `foliot schedule` do."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from foliot.v1 import schedule_pb2, schedule_service_pb2
from foliot.v1.json_pb2 import Json as JsonMessage
from foliot.v1.schedule_service_pb2_grpc import ScheduleServiceStub
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.table import Table
from rich.text import Text

from control_plane.cli.calling import Caller, Target, call
from control_plane.cli.failing import explained
from control_plane.engine.durations import parse_duration
from control_plane.timetable import FireTimes, parse_cron, zone_named
from shared.documents import read_document
from shared.errors import InvalidRequest

PAGE = 200

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
            input=JsonMessage(json=json.dumps(_object(given))),
            labels=_labels(labels),
            overlap_policy=schedule_pb2.OverlapPolicy.Value(_PREFIX + overlap.upper()),
            catch_up_window=_length(catch_up, "--catch-up"),
            jitter=_length(jitter, "--jitter"),
            description=description,
        )
    request = schedule_service_pb2.CreateScheduleRequest(schedule_id=name, spec=spec, paused=paused)

    async def ask(caller: Caller) -> schedule_pb2.Schedule:
        answer = await _stub(caller).CreateSchedule(request, metadata=caller.metadata)
        return answer.schedule

    _show(call(target, ask), output)


def run_get(target: Target, name: str, output: str) -> None:
    async def ask(caller: Caller) -> schedule_pb2.Schedule:
        request = schedule_service_pb2.GetScheduleRequest(schedule_id=name)
        return (await _stub(caller).GetSchedule(request, metadata=caller.metadata)).schedule

    _show(call(target, ask), output)


def run_pause(target: Target, name: str, reason: str, output: str) -> None:
    async def ask(caller: Caller) -> schedule_pb2.Schedule:
        request = schedule_service_pb2.PauseScheduleRequest(schedule_id=name, reason=reason)
        return (await _stub(caller).PauseSchedule(request, metadata=caller.metadata)).schedule

    _show(call(target, ask), output)


def run_resume(target: Target, name: str, output: str) -> None:
    async def ask(caller: Caller) -> schedule_pb2.Schedule:
        request = schedule_service_pb2.ResumeScheduleRequest(schedule_id=name)
        return (await _stub(caller).ResumeSchedule(request, metadata=caller.metadata)).schedule

    _show(call(target, ask), output)


def run_list(target: Target, definition: str, output: str) -> None:
    asked = "definition_key = " + json.dumps(definition) if definition else ""

    async def ask(caller: Caller) -> list[schedule_pb2.Schedule]:
        found: list[schedule_pb2.Schedule] = []
        token = ""
        while True:
            page = await _stub(caller).ListSchedules(
                schedule_service_pb2.ListSchedulesRequest(
                    page_size=PAGE, page_token=token, filter=asked
                ),
                metadata=caller.metadata,
            )
            found += page.schedules
            token = page.next_page_token
            if not token:
                return found

    found = call(target, ask)
    if output == "json":
        _print([MessageToDict(one) for one in found])
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("schedule", "cron", "time zone", "definition", "next time", "last time"):
        table.add_column(column, overflow="fold")
    for one in found:
        spec = one.spec
        table.add_row(
            *map(Text, (one.schedule_id, spec.cron, spec.time_zone, spec.definition_key)),
            Text("paused", "yellow") if one.paused else Text(_time(one, "next_fire_time")),
            Text(_time(one, "last_fire_time"), "red" if one.HasField("last_failure") else ""),
        )
    Console().print(table)


def run_trigger(target: Target, name: str, *, allow_overlap: bool, output: str) -> None:
    async def ask(caller: Caller) -> schedule_service_pb2.TriggerScheduleResponse:
        request = schedule_service_pb2.TriggerScheduleRequest(
            schedule_id=name, allow_overlap=allow_overlap
        )
        return await _stub(caller).TriggerSchedule(request, metadata=caller.metadata)

    instance = call(target, ask).instance
    if output == "json":
        _print(MessageToDict(instance))
    else:
        # Bare, so that a script can take it in.
        print(instance.instance_id)  # noqa: T201 - what it is asked for


def run_delete(target: Target, name: str) -> None:
    async def ask(caller: Caller) -> None:
        request = schedule_service_pb2.DeleteScheduleRequest(schedule_id=name)
        await _stub(caller).DeleteSchedule(request, metadata=caller.metadata)

    call(target, ask)


def run_preview(cron: str, *, time_zone: str, after: str, count: int, output: str) -> None:
    """As PreviewSchedule answers, by the same reckoning and this machine's clock."""
    with explained():
        zone = zone_named(time_zone, "--time-zone")
        times = FireTimes(parse_cron(cron), zone)
        since = _instant(after) if after else datetime.now(UTC)
    found = [one.astimezone(zone) for one in islice(times.every_after(since), count)]
    if output == "json":
        _print(
            [{"fireTime": _rfc3339(one.astimezone(UTC)), "local": one.isoformat()} for one in found]
        )
        return
    console = Console()
    for one in found:
        console.print(
            Text.assemble(
                f"{one:%a} {one.isoformat(' ', 'minutes')}",
                (f"  {_rfc3339(one.astimezone(UTC))}", "dim"),
            )
        )


def _show(schedule: schedule_pb2.Schedule, output: str) -> None:
    if output == "json":
        _print(MessageToDict(schedule))
        return
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _facts(schedule).items():
        if value:
            facts.add_row(name, Text(value))
    Console().print(facts)


def _facts(schedule: schedule_pb2.Schedule) -> Mapping[str, str]:
    spec = schedule.spec
    failure = schedule.last_failure
    policy = schedule_pb2.OverlapPolicy.Name(spec.overlap_policy)
    return {
        "schedule": schedule.schedule_id,
        "about": spec.description,
        "cron": f"{spec.cron}  ({spec.time_zone})",
        "definition": spec.definition_key,
        "input": spec.input.json if spec.input.json != "{}" else "",
        "labels": ", ".join(f"{name}={value}" for name, value in sorted(spec.labels.items())),
        "overlap": policy.removeprefix(_PREFIX).lower(),
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


def _stub(caller: Caller) -> ScheduleServiceStub:
    return ScheduleServiceStub(caller.channel)


def _object(text: str) -> dict[str, Any]:
    value = read_document(text.encode(), "--input").value
    if not isinstance(value, dict):
        raise InvalidRequest('--input: give an object, such as \'{"of": "sales"}\'')
    return value


def _labels(given: Sequence[str]) -> dict[str, str]:
    labels = {}
    for one in given:
        name, is_given, value = one.partition("=")
        if not is_given:
            raise InvalidRequest(f"--label {one!r}: give a name and a value, as team=ops")
        labels[name] = value
    return labels


def _length(text: str, option: str) -> Duration:
    length = parse_duration(text)
    if length is None or length.months:
        raise InvalidRequest(f"{option} {text!r} is no length; give one as PT90S, PT6H or P1D")
    found = Duration()
    found.FromTimedelta(length.exact)
    return found


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(
            f"--after {text!r} is no time; give one as 2026-03-28T00:00:00Z"
        ) from None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def _rfc3339(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _print(value: object) -> None:
    print(json.dumps(value, indent=2))  # noqa: T201 - what it is asked for
