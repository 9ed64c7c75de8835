"""Read one instance, with its tasks and its history if wanted."""

from collections.abc import Sequence
from dataclasses import dataclass

from control_plane.ports.reader import Reader, TaskFilter, TaskPlace
from control_plane.ports.records import HistoryEntry, Instance, Task
from shared import json
from shared.errors import NotFound
from shared.ids import InstanceId, TenantId

MAX_TASKS = 200
MAX_ENTRIES = 200

_TRIES = 3
"""Readings before an instance that never holds still is answered with what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceWithPast:
    """The newest tasks and entries, oldest of them first."""

    instance: Instance
    tasks: Sequence[Task] = ()
    history: Sequence[HistoryEntry] = ()


async def get_instance(
    reader: Reader,
    tenant_id: TenantId,
    instance_id: InstanceId,
    *,
    with_tasks: bool,
    with_history: bool,
) -> InstanceWithPast:
    """
    An instance and what belongs to it, as of one moment.

    Nothing is locked for it: if the instance has moved on in between, all is read again.
    """
    instance = await find_instance(reader, tenant_id, instance_id)
    if not with_tasks and not with_history:
        return InstanceWithPast(instance=instance)
    tasks: Sequence[Task] = ()
    history: Sequence[HistoryEntry] = ()
    for _ in range(_TRIES):
        if with_tasks:
            tasks = await _newest_tasks(reader, instance)
        if with_history:
            history = await reader.list_history(
                tenant_id,
                instance_id,
                after_seq=max(0, instance.seq - MAX_ENTRIES),
                limit=MAX_ENTRIES,
            )
        seen = instance
        instance = await find_instance(reader, tenant_id, instance_id)
        if instance.seq == seen.seq:
            break
    return InstanceWithPast(instance=instance, tasks=tasks, history=history)


async def find_instance(reader: Reader, tenant_id: TenantId, instance_id: InstanceId) -> Instance:
    """Raises NotFound for an id that is unknown, or another tenant's."""
    instance = await reader.get_instance(tenant_id, instance_id)
    if instance is None:
        raise NotFound("instance", str(instance_id))
    return instance


async def _newest_tasks(reader: Reader, instance: Instance) -> Sequence[Task]:
    before_newest = max(0, _next_ordinal(instance) - 1 - MAX_TASKS)
    return await reader.list_tasks(
        instance.tenant_id,
        TaskFilter(instance_id=instance.instance_id),
        after=TaskPlace(None, instance.instance_id, before_newest),
        limit=MAX_TASKS,
    )


def _next_ordinal(instance: Instance) -> int:
    snapshot = json.load(instance.snapshot)
    found = snapshot.get("next_ordinal") if isinstance(snapshot, dict) else None
    return found if isinstance(found, int) else 1
