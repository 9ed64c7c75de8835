"""Give a tenant another name."""

from control_plane.access.auditing import noted
from control_plane.ports.tenant_store import Tenant, TenantStore
from control_plane.use_cases import fields
from control_plane.use_cases.create_tenant import MAX_DISPLAY_NAME
from control_plane.use_cases.whose import find_tenant, no_such_tenant


async def update_tenant(tenants: TenantStore, tenant_id: str, display_name: str) -> Tenant:
    """Its id stays. Repeating is harmless."""
    fields.required(display_name, "display_name", longest=MAX_DISPLAY_NAME)
    known = await find_tenant(tenants, tenant_id)
    renamed = await tenants.rename(known.tenant_id, display_name, noted=noted())
    if renamed is None:
        raise no_such_tenant(tenant_id)
    return renamed
