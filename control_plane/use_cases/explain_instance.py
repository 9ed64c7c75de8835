"""Tell why an instance stands where it stands."""

from dataclasses import dataclass
from datetime import datetime

from control_plane.engine import Explanation, explain
from control_plane.orchestrator import messages
from control_plane.orchestrator.machines import Machines
from control_plane.orchestrator.rehearsing import read_draft
from control_plane.ports.instance_store import InstanceStore
from control_plane.ports.reader import Reader, TaskFilter
from control_plane.ports.records import Instance, InstanceKey
from shared.errors import NotFound
from shared.ids import InstanceId, TenantId

MAX_TIMED_TASKS = 200
"""Open tasks whose times are looked up; they are the first of the instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The instance, and why it stands as it does at `now`."""

    instance: Instance
    explanation: Explanation
    now: datetime


async def explain_instance(
    store: InstanceStore,
    machines: Machines,
    reader: Reader,
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
    return Explained(instance=draft.before, explanation=explanation, now=draft.now)
