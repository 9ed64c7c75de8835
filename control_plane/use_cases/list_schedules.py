"""List a tenant's schedules."""

from control_plane.ports.schedule_store import Schedule, ScheduleStore
from control_plane.use_cases.paging import Page, page_of
from shared.ids import TenantId


async def list_schedules(
    schedules: ScheduleStore,
    tenant_id: TenantId,
    *,
    definition_key: str | None,
    paused: bool | None,
    after: str | None,
    size: int,
) -> Page[Schedule]:
    """By id."""
    found = await schedules.list(
        tenant_id, definition_key=definition_key, paused=paused, after=after, limit=size + 1
    )
    return page_of(found, size, bytes_of=_bytes_of)


def _bytes_of(schedule: Schedule) -> int:
    return len(schedule.spec.input) + len(schedule.spec.labels) + len(schedule.spec.description)
