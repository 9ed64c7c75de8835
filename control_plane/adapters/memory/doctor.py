"""
The examination in memory: of what is kept of each instance. There are no rows that could disagree
with one another, so of those nothing is found.
"""

# ruff: noqa: ARG002 -- what nothing can be found of is not looked at

from collections.abc import Sequence
from datetime import datetime, timedelta

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.ports.doctor import LAST, Examined, Finding, Past, Slice
from control_plane.ports.records import Instance
from shared.ids import InstanceId, TenantId


class MemoryDoctor:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def look(self, check: str, now: datetime, patience: timedelta) -> Sequence[str]:
        return ()

    async def tenants(self) -> Sequence[TenantId]:
        return sorted(self._database.tenants)

    async def next_slice(self, tenant_id: TenantId, after: InstanceId) -> Slice:
        found = self._instances(tenant_id, after, LAST)
        return Slice(tenant_id, after, LAST, len(found))

    async def examine(self, slice_: Slice, patience: timedelta) -> Examined:
        found = self._instances(slice_.tenant_id, slice_.after, slice_.until)
        return Examined(findings=(), pasts=[self._past(instance) for instance in found])

    async def strays(self, tenant_id: TenantId, patience: timedelta) -> Sequence[Finding]:
        return ()

    def _instances(
        self, tenant_id: TenantId, after: InstanceId, until: InstanceId
    ) -> Sequence[Instance]:
        found = self._database.instances.values()
        return sorted(
            (
                one
                for one in found
                if one.tenant_id == tenant_id and after < one.instance_id <= until
            ),
            key=lambda one: one.instance_id,
        )

    def _past(self, instance: Instance) -> Past:
        database, key = self._database, instance.key
        return Past(
            instance=instance,
            entries=database.history.get(key, []),
            tasks={
                task.ordinal: task.status
                for task in database.tasks.values()
                if (task.tenant_id, task.instance_id) == key
            },
            timers={
                timer.timer_id: due
                for timer, due in database.timers.items()
                if (timer.tenant_id, timer.instance_id) == key
            },
            inbox=len(database.inbox.get(key, ())),
        )
