"""Let a key be good no longer."""

from control_plane.access.auditing import noted
from control_plane.access.keys import MAX_KEY_ID
from control_plane.access.principal import Principal
from control_plane.ports.key_store import KeyRecord, KeyStore
from control_plane.ports.tenant_store import TenantStore
from control_plane.use_cases import fields
from control_plane.use_cases.whose import whose
from shared.errors import NotFound


async def revoke_api_key(
    keys: KeyStore,
    tenants: TenantStore,
    caller: Principal,
    *,
    tenant_id: str,
    key_id: str,
    reason: str,
) -> KeyRecord:
    """Servers take it for good until they look again (KEY_CACHE_S). Repeating is harmless."""
    fields.text(reason, "reason", longest=fields.MAX_REASON)
    fields.required(key_id, "key_id", longest=MAX_KEY_ID)
    of = await whose(tenants, caller, tenant_id)
    revoked = await keys.revoke(of, key_id, noted=noted())
    if revoked is None:
        raise NotFound("api key", key_id)
    return revoked
