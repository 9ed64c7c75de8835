"""Take a retention back."""

from control_plane.access.auditing import noted
from control_plane.ports.retention import RetentionStore
from control_plane.use_cases.set_retention import check_key
from shared.ids import TenantId


async def remove_retention(store: RetentionStore, tenant_id: TenantId, definition_key: str) -> bool:
    """The tenant's holds instead, or for ever. False if there was none; repeating is harmless."""
    check_key(definition_key)
    return await store.remove(tenant_id, definition_key, noted=noted())
