"""Retention in memory. There are no partitions to retire."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from control_plane.adapters.memory.audit_log import note
from control_plane.adapters.memory.database import MemoryDatabase, hash_of
from control_plane.ports.audit import Noted, Target
from control_plane.ports.instance_store import BusinessKey
from control_plane.ports.records import Instance, InstanceKey
from control_plane.ports.retention import (
    EVERY_DEFINITION,
    PastInstance,
    PastPage,
    Retention,
    Whole,
)
from shared.ids import InstanceId, TenantId


class MemoryRetention:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def put(
        self,
        tenant_id: TenantId,
        definition_key: str,
        keep: timedelta | None,
        *,
        archives: bool,
        noted: Noted | None = None,
    ) -> Retention:
        retention = Retention(
            definition_key=definition_key,
            keep=keep,
            archives=archives,
            updated_at=self._database.now(),
        )
        was = self._database.retentions.get((tenant_id, definition_key))
        self._database.retentions[tenant_id, definition_key] = retention
        target = Target("retention", definition_key)
        note(self._database, noted, tenant_id, target, _hash(was), _hash(retention))
        return retention

    async def remove(
        self, tenant_id: TenantId, definition_key: str, *, noted: Noted | None = None
    ) -> bool:
        gone = self._database.retentions.pop((tenant_id, definition_key), None)
        target = Target("retention", definition_key)
        note(self._database, noted, tenant_id, target, _hash(gone), None)
        return gone is not None

    async def of_tenant(self, tenant_id: TenantId) -> Sequence[Retention]:
        found = sorted(self._database.retentions.items(), key=lambda item: item[0])
        return [retention for (of, _), retention in found if of == tenant_id]

    async def take_turn(self, holder: UUID, ttl: timedelta) -> bool:
        now = self._database.now()
        turn = self._database.retention_turn
        if turn is not None and turn[0] != holder and turn[1] > now:
            return False
        self._database.retention_turn = holder, now + ttl
        return True

    async def tenants(self) -> Sequence[TenantId]:
        retentions = self._database.retentions.items()
        return sorted({of for (of, _), retention in retentions if retention.keep is not None})

    async def past(self, tenant_id: TenantId, after: InstanceId, limit: int) -> PastPage:
        beyond = sorted(
            key.instance_id
            for key in self._database.instances
            if key.tenant_id == tenant_id and key.instance_id > after
        )[:limit]
        found = []
        for instance_id in beyond:
            key = InstanceKey(tenant_id, instance_id)
            instance = self._database.instances[key]
            retention = self._retention(instance)
            if retention is not None and self._is_past(instance, retention):
                found.append(PastInstance(key, retention.archives, instance.seq))
        until = beyond[-1] if beyond else after
        return PastPage(instances=found, until=until, is_last=len(beyond) < limit)

    async def whole(self, keys: Sequence[InstanceKey]) -> Sequence[Whole]:
        database = self._database
        return [
            Whole(
                instance=database.instances[key],
                tasks=[task for of, task in sorted(database.tasks.items()) if of[:2] == key],
                entries=tuple(database.history.get(key, ())),
            )
            for key in sorted(keys)
            if key in database.instances
        ]

    async def remove_instances(self, wholes: Sequence[Whole]) -> int:
        removed = 0
        for whole in wholes:
            now = self._database.instances.get(whole.instance.key)
            retention = self._retention(whole.instance)
            if (
                now is None
                or retention is None
                or now.revision != whole.instance.revision
                or not self._is_past(now, retention)
                or now.key in self._database.inbox
                or any(one.instance_id == now.instance_id for one in self._database.outbox.values())
            ):
                continue
            self._remove(now)
            removed += 1
        return removed

    async def retire_partitions(self) -> int:
        return 0

    def _retention(self, instance: Instance) -> Retention | None:
        retentions = self._database.retentions
        own = retentions.get((instance.tenant_id, instance.definition_key))
        return own or retentions.get((instance.tenant_id, EVERY_DEFINITION))

    def _is_past(self, instance: Instance, retention: Retention) -> bool:
        return (
            retention.keep is not None
            and instance.completed_at is not None
            and instance.completed_at <= self._database.now() - retention.keep
            and all(
                task.is_closed
                for key, task in self._database.tasks.items()
                if key[:2] == instance.key
            )
        )

    def _remove(self, instance: Instance) -> None:
        database = self._database
        key = instance.key
        of_tasks = (database.tasks, database.progress, database.repeated, database.offers)
        for table in (*of_tasks, database.comments, database.leases, database.timers):
            for of in [one for one in table if one[:2] == key]:
                del table[of]  # type: ignore[arg-type]  # a key of this very table
        for scoped in [one for one in database.answers if one.scope == str(key.instance_id)]:
            del database.answers[scoped], database.answered_at[scoped]
        if instance.business_key is not None:
            name = BusinessKey(key.tenant_id, instance.definition_key, instance.business_key)
            if database.business_keys.get(name, (None, 0))[0] == key.instance_id:
                del database.business_keys[name]
        database.history.pop(key, None)
        database.deciders.pop(key, None)
        del database.instances[key]


def _hash(retention: Retention | None) -> bytes | None:
    return None if retention is None else hash_of((retention.keep, retention.archives))
