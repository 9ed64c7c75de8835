"""Quotas in memory, counted as control_plane/adapters/postgres/quotas.py does."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from control_plane.adapters.memory.audit_log import note
from control_plane.adapters.memory.database import MemoryDatabase, hash_of
from control_plane.ports.audit import Noted, Target
from control_plane.ports.quotas import Bounds, Counted, OwnQuotas, QuotaKind
from shared.ids import TenantId

_BEGINNING = datetime.min.replace(tzinfo=UTC)


class MemoryQuotas:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def put(
        self, tenant_id: TenantId, kind: QuotaKind, limit: int, *, noted: Noted | None = None
    ) -> bool:
        if tenant_id not in self._database.tenants:
            return False
        self._keep(tenant_id, kind, {**self._limits(tenant_id), kind: limit}, noted)
        return True

    async def remove(
        self, tenant_id: TenantId, kind: QuotaKind, *, noted: Noted | None = None
    ) -> bool:
        limits = dict(self._limits(tenant_id))
        if limits.pop(kind, None) is None:
            return False
        self._keep(tenant_id, kind, limits, noted)
        return True

    async def of_tenant(self, tenant_id: TenantId) -> OwnQuotas | None:
        if tenant_id not in self._database.tenants:
            return None
        return self._database.quotas.get(tenant_id) or OwnQuotas(tenant_id, {}, _BEGINNING)

    async def changed(
        self, since: datetime | None, after: TenantId, at_most: int
    ) -> Sequence[OwnQuotas]:
        start = (since or _BEGINNING, after)
        rows = sorted((own.updated_at, tenant) for tenant, own in self._database.quotas.items())
        return [self._database.quotas[row[1]] for row in rows if row > start][:at_most]

    async def count_open(self, bounds: Mapping[TenantId, Bounds]) -> Mapping[TenantId, Counted]:
        database = self._database
        found: dict[TenantId, Counted] = {}
        for tenant_id, bound in bounds.items():
            instances = sum(
                key.tenant_id == tenant_id and not instance.is_closed
                for key, instance in database.instances.items()
            )
            parked = {key for key, task in database.tasks.items() if task.status == "running"}
            tasks = sum(
                key.tenant_id == tenant_id
                for key in {*database.ready, *database.delayed, *database.leases, *parked}
            )
            found[tenant_id] = Counted(min(instances, bound.instances), min(tasks, bound.tasks))
        return found

    async def count_definitions(self, tenant_id: TenantId, at_most: int) -> int:
        found = sum(key.tenant_id == tenant_id for key in self._database.definitions)
        return min(found, at_most)

    def _limits(self, tenant_id: TenantId) -> Mapping[QuotaKind, int]:
        own = self._database.quotas.get(tenant_id)
        return {} if own is None else own.limits

    def _keep(
        self,
        tenant_id: TenantId,
        kind: QuotaKind,
        limits: Mapping[QuotaKind, int],
        noted: Noted | None,
    ) -> None:
        before, after = _hash(self._limits(tenant_id)), _hash(limits)
        note(self._database, noted, tenant_id, Target("quota", kind.value), before, after)
        self._database.quotas[tenant_id] = OwnQuotas(tenant_id, limits, self._database.now())


def _hash(limits: Mapping[QuotaKind, int]) -> bytes:
    return hash_of([limits.get(kind) for kind in QuotaKind])
