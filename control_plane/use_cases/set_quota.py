"""Set how much a tenant may have or ask for."""

from control_plane.access import auditing
from control_plane.ports.quotas import QuotaKind, QuotaStore
from control_plane.use_cases.quotas import Quotas, check_limit
from control_plane.use_cases.whose import no_such_tenant
from shared.ids import TenantId


async def set_quota(
    store: QuotaStore, quotas: Quotas, tenant_id: TenantId, kind: QuotaKind, limit: int
) -> int:
    """
    It holds here at once, and on every replica soon. Setting the same limit again is harmless.

    Raises TENANT_NOT_FOUND for a tenant that there is not.
    """
    check_limit(limit)
    if not await store.put(tenant_id, kind, limit, noted=auditing.noted()):
        raise no_such_tenant(tenant_id)
    await learn(store, quotas, tenant_id)
    return quotas.limit(tenant_id, kind)


async def learn(store: QuotaStore, quotas: Quotas, tenant_id: TenantId) -> None:
    """Know here what was just set. Raises TENANT_NOT_FOUND for a tenant that there is not."""
    own = await store.of_tenant(tenant_id)
    if own is None:
        raise no_such_tenant(tenant_id)
    quotas.learn([own])
