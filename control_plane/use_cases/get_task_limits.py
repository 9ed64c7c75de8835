"""What holds a tenant's tasks back."""

from collections.abc import Sequence

from control_plane.ports.limit_store import LimitInForce, LimitStore
from shared.ids import TenantId


async def get_task_limits(limits: LimitStore, tenant_id: TenantId) -> Sequence[LimitInForce]:
    """All of the tenant's limits by key, with how many tasks run under each."""
    return await limits.of_tenant(tenant_id)
