"""Give a schedule another spec."""

from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.schedule_store import Found, Schedule, ScheduleStore
from control_plane.use_cases import fields
from control_plane.use_cases.change_schedule import change_schedule, check_revision
from control_plane.use_cases.create_schedule import check_startable
from control_plane.use_cases.schedule_fields import WantedSchedule, spec_of
from control_plane.use_cases.schedule_moves import respecified
from shared.ids import TenantId


async def update_schedule(
    schedules: ScheduleStore,
    definitions: DefinitionStore,
    tenant_id: TenantId,
    schedule_id: str,
    wanted: WantedSchedule,
    *,
    expected_revision: int | None,
) -> Found:
    """All of it: what is not said has its default. The spec it has already changes nothing."""
    fields.revision(expected_revision)
    spec = spec_of(wanted)
    await check_startable(definitions, tenant_id, spec.definition_key)

    def change(found: Found) -> Schedule:
        if found.schedule.spec == spec:
            return found.schedule
        check_revision(found.schedule, expected_revision)
        return respecified(found.schedule, spec, found.now)

    return await change_schedule(schedules, tenant_id, schedule_id, change)
