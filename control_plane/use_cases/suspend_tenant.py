"""Let a tenant's work wait, and its callers outside."""

from control_plane.access.auditing import noted
from control_plane.ports.tenant_store import Tenant, TenantStore
from control_plane.use_cases import fields
from control_plane.use_cases.whose import find_tenant, no_such_tenant


async def suspend_tenant(tenants: TenantStore, tenant_id: str, reason: str) -> Tenant:
    """
    None of its tasks begins and no timer of it comes due from this commit on; who shows one of its
    credentials is refused as soon as servers look again (Standing). Repeating is harmless.
    """
    fields.required(reason, "reason", longest=fields.MAX_REASON)
    known = await find_tenant(tenants, tenant_id)
    suspended = await tenants.suspend(known.tenant_id, reason, noted=noted())
    if suspended is None:
        raise no_such_tenant(tenant_id)
    return suspended
