"""Let a suspended tenant go on."""

from control_plane.access.auditing import noted
from control_plane.ports.tenant_store import Tenant, TenantStore
from control_plane.use_cases import fields
from control_plane.use_cases.whose import find_tenant, no_such_tenant


async def resume_tenant(tenants: TenantStore, tenant_id: str, reason: str) -> Tenant:
    """What has waited goes on by itself. Repeating is harmless."""
    fields.text(reason, "reason", longest=fields.MAX_REASON)
    known = await find_tenant(tenants, tenant_id)
    resumed = await tenants.resume(known.tenant_id, noted=noted())
    if resumed is None:
        raise no_such_tenant(tenant_id)
    return resumed
