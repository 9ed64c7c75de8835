"""Keep a schedule, which from then on starts instances by itself."""

from dataclasses import dataclass
from uuid import uuid4

from control_plane.access.auditing import noted
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.schedule_store import Found, Schedule, ScheduleStore
from control_plane.use_cases.get_schedule import get_schedule
from control_plane.use_cases.schedule_fields import (
    MAX_SCHEDULES,
    WantedSchedule,
    schedule_id,
    spec_of,
)
from control_plane.use_cases.schedule_moves import begun, paused
from shared.errors import AlreadyExists, PreconditionFailed
from shared.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedSchedule:
    """`created` is false if the schedule was there before."""

    found: Found
    created: bool


async def create_schedule(
    schedules: ScheduleStore,
    definitions: DefinitionStore,
    tenant_id: TenantId,
    name: str,
    wanted: WantedSchedule,
    *,
    is_paused: bool,
    created_by: str,
) -> CreatedSchedule:
    """
    Its first time is the first one after now. A repeat with the same spec gets the schedule as it
    is; one with another spec is refused.
    """
    schedule_id(name)
    spec = spec_of(wanted)
    await check_startable(definitions, tenant_id, spec.definition_key)
    now = await schedules.now()
    schedule = Schedule(
        tenant_id=tenant_id,
        schedule_id=name,
        incarnation=uuid4(),
        step=1,
        revision=1,
        spec=spec,
        created_by=created_by,
        created_at=now,
        updated_at=now,
    )
    schedule = paused(schedule, "", now) if is_paused else begun(schedule, now)
    created = await schedules.create(schedule, most=MAX_SCHEDULES, noted=noted())
    found = await get_schedule(schedules, tenant_id, name)
    if not created and found.schedule.spec != spec:
        raise AlreadyExists(
            f"there is a schedule {name!r} with another spec; update that one, or take another"
            " schedule_id",
            reason="SCHEDULE_EXISTS",
            metadata={"schedule_id": name},
        )
    return CreatedSchedule(found=found, created=created)


async def check_startable(
    definitions: DefinitionStore, tenant_id: TenantId, definition_key: str
) -> None:
    """
    Raises PreconditionFailed where no version of the key is active: better here, to a person, than
    at night, to nobody.
    """
    if await definitions.find(tenant_id, definition_key, None) is None:
        raise PreconditionFailed(
            f"definition {definition_key!r} has no active version; activate one, then schedule it",
            reason="DEFINITION_NOT_ACTIVE",
            metadata={"definition_key": definition_key},
        )
