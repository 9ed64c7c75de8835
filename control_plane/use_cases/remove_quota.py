"""Let the platform's default hold again."""

from control_plane.access import auditing
from control_plane.ports.quotas import QuotaKind, QuotaStore
from control_plane.use_cases.quotas import Quotas
from control_plane.use_cases.set_quota import learn
from shared.ids import TenantId


async def remove_quota(
    store: QuotaStore, quotas: Quotas, tenant_id: TenantId, kind: QuotaKind
) -> bool:
    """False if the tenant had none of its own. Raises TENANT_NOT_FOUND."""
    removed = await store.remove(tenant_id, kind, noted=auditing.noted())
    await learn(store, quotas, tenant_id)
    return removed
