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
    """
    By id. Those of a definition have an index, and so have those that are paused or are not; of
    a definition's the paused ones are looked for in a page of all, which may come out short.
    """
    is_of_both = definition_key is not None and paused is not None
    found = await schedules.list(
        tenant_id,
        definition_key=definition_key,
        paused=None if is_of_both else paused,
        after=after,
        limit=size + 1,
    )
    return page_of(
        found,
        size,
        bytes_of=_bytes_of,
        keep=(lambda one: (one.paused_at is not None) is paused) if is_of_both else None,
    )


def _bytes_of(schedule: Schedule) -> int:
    return len(schedule.spec.input) + len(schedule.spec.labels) + len(schedule.spec.description)
