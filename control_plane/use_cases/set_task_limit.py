"""Limit how many of a tenant's tasks run at once, or begin in a time."""

from control_plane.access.auditing import noted
from control_plane.ports.limit_store import LimitInForce, LimitStore, TaskLimit
from control_plane.use_cases.task_limits import MAX_LIMITS, check_key, check_max_running
from shared.errors import InvalidRequest, LimitExceeded
from shared.ids import TenantId


async def set_task_limit(limits: LimitStore, tenant_id: TenantId, limit: TaskLimit) -> LimitInForce:
    """It holds for all that is claimed from now on. Setting the same limit again is harmless."""
    check_key(limit.key)
    if limit.max_running is not None:
        check_max_running(limit.max_running)
    elif limit.rate is None:
        raise InvalidRequest(
            "give max_running, rate or both; RemoveTaskLimit lifts a limit", field="max_running"
        )
    if not await limits.put(tenant_id, limit, at_most=MAX_LIMITS, noted=noted()):
        raise LimitExceeded("task limits", actual=MAX_LIMITS + 1, maximum=MAX_LIMITS)
    return next(one for one in await limits.of_tenant(tenant_id) if one.limit.key == limit.key)
