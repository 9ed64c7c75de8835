"""What a caller says about a schedule, checked: the limits that the protos promise for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from control_plane.ports.schedule_store import Overlap, ScheduleSpec
from control_plane.timetable import parse_cron, zone_named
from control_plane.use_cases import fields
from control_plane.use_cases.carry_out_firings import ABOUT
from shared import json
from shared.errors import InvalidRequest
from shared.json import Json

MAX_SCHEDULES = 1_000
"""Schedules of a tenant."""

DEFAULT_CATCH_UP = timedelta(days=1)
LEAST_CATCH_UP = timedelta(seconds=10)
MAX_CATCH_UP_WINDOW = timedelta(days=31)
MAX_JITTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSchedule:
    """As it was sent. None gives the default."""

    cron: str
    time_zone: str
    definition_key: str
    input: str | None
    labels: Mapping[str, str]
    overlap: Overlap
    catch_up: timedelta | None
    jitter: timedelta | None
    description: str


def schedule_id(value: str) -> str:
    """A schedule is named as a definition is."""
    return fields.definition_key(value, "schedule_id")


def spec_of(wanted: WantedSchedule) -> ScheduleSpec:
    """Raises InvalidRequest for a field that is wrong, and LimitExceeded."""
    given = fields.json_object(wanted.input, "spec.input")
    if ABOUT in given:
        raise InvalidRequest(
            f"spec.input has the key {ABOUT!r}, which is where an instance finds the time it was"
            " started for; give it another name",
            field="spec.input",
        )
    labels: dict[str, Json] = {**fields.labels(wanted.labels, "spec.labels")}
    cron = parse_cron(wanted.cron, "spec.cron")
    return ScheduleSpec(
        cron=cron.text,
        time_zone=zone_named(wanted.time_zone, "spec.time_zone").key,
        definition_key=fields.definition_key(wanted.definition_key, "spec.definition_key"),
        input=json.dump(given),
        labels=json.dump(labels),
        overlap=wanted.overlap,
        catch_up=_between(
            DEFAULT_CATCH_UP if wanted.catch_up is None else wanted.catch_up,
            LEAST_CATCH_UP,
            MAX_CATCH_UP_WINDOW,
            "spec.catch_up_window",
        ),
        jitter=_between(
            timedelta(0) if wanted.jitter is None else wanted.jitter,
            timedelta(0),
            MAX_JITTER,
            "spec.jitter",
        ),
        description=fields.text(
            wanted.description, "spec.description", longest=fields.MAX_DESCRIPTION
        ),
    )


def _between(length: timedelta, least: timedelta, most: timedelta, field: str) -> timedelta:
    if not least <= length <= most:
        raise InvalidRequest(
            f"{field} is {length.total_seconds():g} s; it may be from {least.total_seconds():g} s"
            f" to {most.total_seconds():g} s",
            field=field,
        )
    return length
