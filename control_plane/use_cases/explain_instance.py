"""Tell why an instance stands where it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from control_plane.engine import Explanation, explain
from control_plane.orchestrator import messages
from control_plane.orchestrator.machines import Machines
from control_plane.orchestrator.rehearsing import read_draft
from control_plane.ports.instance_store import InstanceStore
from control_plane.ports.limit_store import WHOLE_TENANT, LimitStore
from control_plane.ports.reader import Reader, TaskFilter
from control_plane.ports.records import Instance, InstanceKey, Task
from shared.errors import NotFound
from shared.ids import InstanceId, TenantId
from shared.tasks import TaskType

MAX_TIMED_TASKS = 200
"""Open tasks whose times are looked up; they are the first of the instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """
    The instance, and why it stands as it does at `now`. `tasks` are its open tasks that nobody
    has yet, and `held_back` the keys of the limits that hold back each of those that do wait.
    """

    instance: Instance
    explanation: Explanation
    now: datetime
    tasks: Mapping[int, Task]
    held_back: Mapping[int, Sequence[str]]


async def explain_instance(
    store: InstanceStore,
    machines: Machines,
    reader: Reader,
    limits: LimitStore,
    tenant_id: TenantId,
    instance_id: InstanceId,
) -> Explained:
    """
    The explanation, as of one moment but for the times of tasks, which are read after it.

    Raises NotFound for an id that is unknown, or another tenant's.
    """
    draft = await read_draft(store, machines, InstanceKey(tenant_id, instance_id))
    if draft.snapshot is None:
        raise NotFound("instance", str(instance_id))
    pending = TaskFilter(instance_id=instance_id, status="pending")
    tasks = (
        await reader.list_tasks(tenant_id, pending, after=None, limit=MAX_TIMED_TASKS)
        if draft.snapshot.tasks
        else ()
    )
    explanation = explain(
        draft.machine,
        draft.snapshot,
        draft.now,
        deferred=[one.type for one in draft.inbox if one.type != messages.OUTCOME],
        paused=draft.paused,
        run_at={one.ordinal: one.run_at for one in tasks if one.run_at > draft.now},
    )
    waiting = [one for one in tasks if one.run_at <= draft.now and one.type is not TaskType.HUMAN]
    return Explained(
        instance=draft.before,
        explanation=explanation,
        now=draft.now,
        tasks={one.ordinal: one for one in tasks},
        held_back=await _held_back(limits, tenant_id, waiting) if waiting else {},
    )


async def _held_back(
    limits: LimitStore, tenant_id: TenantId, tasks: Sequence[Task]
) -> dict[int, Sequence[str]]:
    full = {one.limit.key for one in await limits.of_tenant(tenant_id) if one.is_full}
    return {
        task.ordinal: sorted(full & {WHOLE_TENANT, task.limit_key or WHOLE_TENANT})
        for task in tasks
    }
