"""List who shares the server."""

from control_plane.ports.tenant_store import Tenant, TenantStore
from control_plane.use_cases.paging import Page, page_of
from shared.ids import TenantId


async def list_tenants(
    tenants: TenantStore, *, suspended: bool | None, after: TenantId | None, size: int
) -> Page[Tenant]:
    """By id."""
    found = await tenants.list(suspended=suspended, after=after, limit=size + 1)
    return page_of(found, size, bytes_of=lambda tenant: len(tenant.display_name))
