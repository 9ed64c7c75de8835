"""What people and programs look up, from memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from control_plane.adapters.memory.database import WITHHELD, MemoryDatabase
from control_plane.ports.instance_store import TaskKey
from control_plane.ports.reader import InstanceFilter, InstancePlace, TaskFilter, TaskPlace
from control_plane.ports.records import HistoryEntry, Instance, InstanceKey, Task
from control_plane.ports.standing import Comment
from shared import json
from shared.ids import InstanceId, TenantId
from shared.tasks import TaskType


class MemoryReader:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def get_instance(self, tenant_id: TenantId, instance_id: InstanceId) -> Instance | None:
        return self._database.instances.get(InstanceKey(tenant_id, instance_id))

    async def list_instances(
        self,
        tenant_id: TenantId,
        wanted: InstanceFilter,
        *,
        after: InstancePlace | None,
        limit: int,
    ) -> Sequence[Instance]:
        end = wanted.down_to
        found = [
            instance
            for instance in self._database.instances.values()
            if instance.tenant_id == tenant_id
            and _is_wanted_instance(instance, wanted)
            and (after is None or _start(instance) < (after.started_at, after.instance_id))
            and (end is None or _start(instance) >= (end.started_at, end.instance_id))
        ]
        return sorted(found, key=_start, reverse=True)[:limit]

    async def labelled_at(
        self,
        tenant_id: TenantId,
        wanted: InstanceFilter,
        *,
        after: InstancePlace | None,
        count: int,
    ) -> InstancePlace | None:
        looked_at = InstanceFilter(
            labels=wanted.labels[:1],
            started_from=wanted.started_from,
            started_before=wanted.started_before,
        )
        found = await self.list_instances(tenant_id, looked_at, after=after, limit=count)
        return InstancePlace.of(found[-1]) if len(found) == count else None

    async def get_task(
        self, tenant_id: TenantId, instance_id: InstanceId, ordinal: int
    ) -> Task | None:
        return self._database.task_with_lease(TaskKey(tenant_id, instance_id, ordinal))

    async def list_tasks(
        self,
        tenant_id: TenantId,
        wanted: TaskFilter,
        *,
        after: TaskPlace | None,
        limit: int,
    ) -> Sequence[Task]:
        found = [
            task
            for key in self._database.tasks
            if key.tenant_id == tenant_id
            and (task := self._database.task_with_lease(key)) is not None
            and _is_wanted_task(task, wanted)
            and self._is_found(key, wanted)
            and not (wanted.is_dead and key in self._database.repeated)
            and (after is None or _order(wanted.place_of(task)) > _order(after))
        ]
        return sorted(found, key=lambda task: _order(wanted.place_of(task)))[:limit]

    def _is_found(self, key: TaskKey, wanted: TaskFilter) -> bool:
        if not wanted.found_as:
            return True
        offers = self._database.offers.get(key, {})
        due = min(offers.values(), default=None)
        return (
            due is not None
            and all(not one.isdisjoint(offers.keys()) for one in wanted.found_as)
            and not (wanted.is_unclaimed and any(one.kind == "assignee" for one in offers))
            and (wanted.due_from is None or due >= wanted.due_from)
            and (wanted.due_before is None or due < wanted.due_before)
        )

    async def list_history(
        self, tenant_id: TenantId, instance_id: InstanceId, *, after_seq: int, limit: int
    ) -> Sequence[HistoryEntry]:
        entries = self._database.history.get(InstanceKey(tenant_id, instance_id), [])
        return [entry for entry in entries if entry.seq > after_seq][:limit]

    async def list_comments(
        self,
        tenant_id: TenantId,
        instance_id: InstanceId,
        ordinal: int,
        *,
        author: str | None = None,
        after_seq: int,
        limit: int,
    ) -> Sequence[Comment]:
        said = self._database.comments.get(TaskKey(tenant_id, instance_id, ordinal), [])
        return [one for one in said if one.seq > after_seq and author in {None, one.author}][:limit]

    async def get_tasks(
        self, tenant_id: TenantId, keys: Sequence[tuple[InstanceId, int]], type_: TaskType
    ) -> Mapping[tuple[InstanceId, int], Task]:
        found = (self._database.task_with_lease(TaskKey(tenant_id, *key)) for key in keys)
        return {
            (task.instance_id, task.ordinal): task
            for task in found
            if task is not None and task.type is type_
        }

    async def count_instances(
        self, tenant_id: TenantId, wanted: InstanceFilter, *, at_most: int
    ) -> int:
        return len(await self.list_instances(tenant_id, wanted, after=None, limit=at_most))

    async def count_tasks(self, tenant_id: TenantId, wanted: TaskFilter, *, at_most: int) -> int:
        return len(await self.list_tasks(tenant_id, wanted, after=None, limit=at_most))


def _is_wanted_instance(instance: Instance, wanted: InstanceFilter) -> bool:
    return (
        wanted.status in {None, instance.status}
        and wanted.definition_key in {None, instance.definition_key}
        and wanted.business_key in {None, instance.business_key}
        and wanted.schedule_id in {None, instance.schedule_id}
        and _is_marked(instance, wanted.labels)
        and (wanted.started_from is None or instance.started_at >= wanted.started_from)
        and (wanted.started_before is None or instance.started_at < wanted.started_before)
    )


def _is_marked(instance: Instance, labels: Sequence[tuple[str, str]]) -> bool:
    if not labels:
        return True
    found = json.load(instance.labels)
    return isinstance(found, dict) and all(found.get(name) == value for name, value in labels)


def _is_wanted_task(task: Task, wanted: TaskFilter) -> bool:
    return (
        wanted.instance_id in {None, task.instance_id}
        and wanted.status in {None, task.status_now}
        and wanted.type in {None, task.type}
    )


def _start(instance: Instance) -> tuple[datetime, InstanceId]:
    return instance.started_at, instance.instance_id


def _order(place: TaskPlace) -> tuple[datetime, InstanceId, int]:
    return place.at or WITHHELD, place.instance_id, place.ordinal
