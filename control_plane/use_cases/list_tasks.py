"""List a tenant's tasks."""

from dataclasses import dataclass
from datetime import datetime

from control_plane.ports.reader import Reader, TaskFilter, TaskPlace
from control_plane.ports.records import Task
from control_plane.use_cases.paging import Page, page_of
from shared.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class UnindexedTaskFilter:
    """What a task can be filtered by that no index is for. All that is set must hold."""

    queue: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None

    def keeps(self, task: Task) -> bool:
        return (
            (self.queue is None or task.queue == self.queue)
            and (self.created_from is None or task.created_at >= self.created_from)
            and (self.created_before is None or task.created_at < self.created_before)
        )


async def list_tasks(
    reader: Reader,
    tenant_id: TenantId,
    wanted: TaskFilter,
    also: UnindexedTaskFilter,
    *,
    after: TaskPlace | None,
    size: int,
) -> Page[Task]:
    """In the reader's order, which goes with the filter."""
    found = await reader.list_tasks(tenant_id, wanted, after=after, limit=size + 1)
    return page_of(found, size, bytes_of=_bytes_of, keep=also.keeps)


def _bytes_of(task: Task) -> int:
    return len(task.input) + len(task.error or "")
