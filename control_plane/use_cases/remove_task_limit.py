"""Lift a limit on a tenant's tasks."""

from control_plane.access.auditing import noted
from control_plane.ports.limit_store import LimitStore
from control_plane.use_cases.task_limits import check_key
from shared.ids import TenantId


async def remove_task_limit(limits: LimitStore, tenant_id: TenantId, key: str) -> bool:
    """What it held back can be claimed. False if there was none; repeating is harmless."""
    check_key(key)
    return await limits.remove(tenant_id, key, noted=noted())
