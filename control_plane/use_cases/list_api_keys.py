"""List a tenant's keys, or the platform's own."""

from control_plane.access.principal import Principal
from control_plane.ports.key_store import KeyRecord, KeyStore
from control_plane.ports.tenant_store import TenantStore
from control_plane.use_cases.paging import Page, page_of
from control_plane.use_cases.whose import whose


async def list_api_keys(
    keys: KeyStore,
    tenants: TenantStore,
    caller: Principal,
    *,
    tenant_id: str,
    role: str | None,
    after: str | None,
    size: int,
) -> Page[KeyRecord]:
    """By id, those that are good no longer as well."""
    of = await whose(tenants, caller, tenant_id)
    found = await keys.list(of, role=role, after=after, limit=size + 1)
    return page_of(found, size, bytes_of=lambda key: len(key.label))
