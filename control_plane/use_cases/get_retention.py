"""For how long a tenant's instances are kept."""

from collections.abc import Sequence

from control_plane.ports.retention import Retention, RetentionStore
from shared.ids import TenantId


async def get_retention(store: RetentionStore, tenant_id: TenantId) -> Sequence[Retention]:
    """By definition key; what none of them applies to is kept for ever."""
    return await store.of_tenant(tenant_id)
