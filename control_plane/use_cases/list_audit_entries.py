"""Tell who changed what."""

from datetime import datetime
from uuid import UUID

from control_plane.access.principal import Principal
from control_plane.ports.audit import AuditEntry, AuditFilter, AuditLog
from control_plane.ports.tenant_store import TenantStore
from control_plane.use_cases.paging import Page, page_of
from control_plane.use_cases.whose import whose


async def list_audit_entries(
    audit: AuditLog,
    tenants: TenantStore,
    caller: Principal,
    wanted: AuditFilter,
    *,
    tenant_id: str,
    after: tuple[datetime, UUID] | None,
    size: int,
) -> Page[AuditEntry]:
    """Of a tenant, or of the platform itself; newest first."""
    of = await whose(tenants, caller, tenant_id)
    found = await audit.list(of, wanted, after=after, limit=size + 1)
    return page_of(found, size, bytes_of=lambda entry: len(entry.noted.reason))
