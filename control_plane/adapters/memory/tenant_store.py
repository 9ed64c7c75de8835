"""Tenants in memory."""

from collections.abc import Sequence
from dataclasses import replace

from control_plane.adapters.memory.audit_log import note
from control_plane.adapters.memory.database import MemoryDatabase, hash_of
from control_plane.ports.audit import Noted, Target
from control_plane.ports.tenant_store import Tenant
from shared.ids import TenantId


class MemoryTenantStore:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def create(
        self, tenant_id: TenantId, display_name: str, *, noted: Noted | None = None
    ) -> tuple[Tenant, bool]:
        known = await self.get(tenant_id)
        if known is not None:
            return known, False
        self._database.tenants[tenant_id] = display_name
        tenant = Tenant(
            tenant_id=tenant_id, display_name=display_name, created_at=self._database.now()
        )
        self._database.tenant_rows[tenant_id] = tenant
        target = Target("tenant", tenant_id)
        note(self._database, noted, tenant_id, target, None, hash_of(tenant))
        return tenant, True

    async def get(self, tenant_id: TenantId) -> Tenant | None:
        return self._database.tenant_row(tenant_id)

    async def list(
        self, *, suspended: bool | None, after: TenantId | None, limit: int
    ) -> Sequence[Tenant]:
        found = [
            tenant
            for one in sorted(self._database.tenants)
            if (after is None or one > after)
            and (tenant := self._database.tenant_row(one)) is not None
            and suspended in {None, tenant.suspended_at is not None}
        ]
        return found[:limit]

    async def rename(
        self, tenant_id: TenantId, display_name: str, *, noted: Noted | None = None
    ) -> Tenant | None:
        before = await self.get(tenant_id)
        if before is None:
            return None
        self._database.tenants[tenant_id] = display_name
        return self._keep(before, replace(before, display_name=display_name), noted)

    async def suspend(
        self, tenant_id: TenantId, reason: str, *, noted: Noted | None = None
    ) -> Tenant | None:
        before = await self.get(tenant_id)
        if before is None or before.suspended_at is not None:
            return before
        now = self._database.now()
        return self._keep(before, replace(before, suspended_at=now, suspend_reason=reason), noted)

    async def resume(self, tenant_id: TenantId, *, noted: Noted | None = None) -> Tenant | None:
        before = await self.get(tenant_id)
        if before is None:
            return None
        return self._keep(before, replace(before, suspended_at=None, suspend_reason=None), noted)

    def _keep(self, before: Tenant, after: Tenant, noted: Noted | None) -> Tenant:
        self._database.tenant_rows[after.tenant_id] = after
        target = Target("tenant", after.tenant_id)
        note(self._database, noted, after.tenant_id, target, hash_of(before), hash_of(after))
        return after
