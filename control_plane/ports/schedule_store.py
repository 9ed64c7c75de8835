"""
Where schedules are kept, and how somebody finds those whose time has come.

A schedule is changed by whoever read it, by `put`, which keeps it only if it still stands as it
was read. So of all that meet at one schedule, control planes and callers, one gets on, and the
others read again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol, TypeAlias
from uuid import UUID

from control_plane.ports.audit import Noted
from control_plane.ports.records import JsonText
from shared.ids import InstanceId, TenantId

Overlap: TypeAlias = Literal["skip", "buffer_one", "allow", "cancel_other", "terminate_other"]

HELP_AFTER = timedelta(seconds=5)
"""How long a start that was decided is left to who decided it, before others carry it out."""

MAX_RUNNING = 100
"""As many of a schedule's open instances are looked up, and stopped at once."""


class ScheduleKey(NamedTuple):
    tenant_id: TenantId
    schedule_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSpec:
    """What a caller wants started, and when. `input` and `labels` are canonical JSON."""

    cron: str
    time_zone: str
    definition_key: str
    input: JsonText
    labels: JsonText
    overlap: Overlap
    catch_up: timedelta
    jitter: timedelta
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """
    A start that was decided: of which instance, for which time, and what is stopped for it.

    Carrying it out twice comes to the same as once. `triggered_by` is who asked for it, None
    where it was the calendar; a request id comes with the hash of what it stands for.
    """

    nominal: datetime
    instance_id: InstanceId
    decided_at: datetime
    stops: tuple[InstanceId, ...] = ()
    triggered_by: str | None = None
    request_id: str | None = None
    fingerprint: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """
    A schedule as it is kept. `step` guards it, and is what was read; `revision` is the callers'.

    `next_at` is its next time by the calendar, `due_at` that with its jitter; both are None
    while it is paused, and where no time comes any more. `buffered_at` is a time that waits for
    what runs to end. `last_…` are of the newest start that was tried, `last_missed_at` the
    first of the times that were last given up as too old.
    """

    tenant_id: TenantId
    schedule_id: str
    incarnation: UUID
    step: int
    revision: int
    spec: ScheduleSpec
    created_by: str
    created_at: datetime
    updated_at: datetime
    paused_at: datetime | None = None
    pause_reason: str = ""
    next_at: datetime | None = None
    due_at: datetime | None = None
    buffered_at: datetime | None = None
    firing: Firing | None = None
    last_at: datetime | None = None
    last_instance_id: InstanceId | None = None
    last_error: JsonText | None = None
    last_missed_at: datetime | None = None
    starts: int = 0
    skips: int = 0
    failures: int = 0

    @property
    def key(self) -> ScheduleKey:
        return ScheduleKey(self.tenant_id, self.schedule_id)

    @property
    def wakes_at(self) -> datetime | None:
        """When somebody has to look; a time that waits for what runs is looked for apart."""
        return self.due_at if self.firing is None else self.firing.decided_at + HELP_AFTER


class Found(NamedTuple):
    """
    A schedule with those of its instances that are open, oldest first, MAX_RUNNING at most; and
    the database's now.
    """

    schedule: Schedule
    running: tuple[InstanceId, ...]
    now: datetime


class AheadOfSchedules(NamedTuple):
    """The database's now, and the next instant at which a schedule wakes, if any."""

    now: datetime
    next_wake: datetime | None


class ScheduleStore(Protocol):
    async def now(self) -> datetime:
        """The database's clock."""

    async def create(self, schedule: Schedule, *, most: int, noted: Noted | None = None) -> bool:
        """
        Keep a new schedule; false if its id is taken.

        Raises LimitExceeded where the tenant has `most` of them.
        """

    async def find(self, tenant_id: TenantId, schedule_id: str) -> Found | None:
        """The schedule, or None where this tenant has none of that id."""

    async def list(
        self,
        tenant_id: TenantId,
        *,
        definition_key: str | None,
        paused: bool | None,
        after: str | None,
        limit: int,
    ) -> Sequence[Schedule]:
        """By id; `after` is the last one already seen."""

    async def put(
        self, schedules: Sequence[Schedule], *, noted: Noted | None = None
    ) -> frozenset[ScheduleKey]:
        """
        Keep each as given, and tell which were kept: those that stand as they were read.

        What is kept has the next step. One that somebody else is writing is left out, not waited
        for. In one transaction. What is `noted` is of one schedule.
        """

    async def delete(
        self, tenant_id: TenantId, schedule_id: str, *, noted: Noted | None = None
    ) -> bool:
        """Forget it; false where there is none. Its instances live on."""

    async def due(self, limit: int) -> Sequence[Found]:
        """
        Schedules that wake by now, earliest first; then those with a time that waits, and
        nothing running any more. Those of a tenant that is suspended wait until it is resumed.
        """

    async def ahead(self) -> AheadOfSchedules:
        """When the next one wakes."""
