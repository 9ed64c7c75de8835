"""Whether a tenant may have its way at all: known to every call, looked up every few seconds."""

import asyncio
from collections import OrderedDict

from control_plane.access.principal import Principal
from control_plane.ports.tenant_store import TenantStore
from shared.errors import PermissionDenied
from shared.ids import TenantId

STANDING_CACHE_S = 4.0
"""For how long a tenant may still be taken not to be suspended; with the look-up below 5 s."""

MAX_CACHED_TENANTS = 10_000


class Standing:
    """The tenants that were asked for of late. Calls that ask at once share one look-up."""

    def __init__(self, tenants: TenantStore) -> None:
        self._tenants = tenants
        self._cache: OrderedDict[TenantId, tuple[float, asyncio.Task[bool]]] = OrderedDict()

    async def check(self, caller: Principal) -> Principal:
        """The caller. Raises PermissionDenied with TENANT_SUSPENDED where its tenant is."""
        tenant_id = caller.tenant_id
        if tenant_id is not None and await self._is_suspended(tenant_id):
            raise PermissionDenied(
                f"tenant {tenant_id!r} is suspended: its work waits, and its credentials are good"
                " again once the platform's operators resume it",
                reason="TENANT_SUSPENDED",
                metadata={"tenant_id": tenant_id},
            )
        return caller

    async def _is_suspended(self, tenant_id: TenantId) -> bool:
        now = asyncio.get_running_loop().time()
        known = self._cache.get(tenant_id)
        if known is None or now - known[0] > STANDING_CACHE_S:
            known = self._cache[tenant_id] = now, asyncio.create_task(self._look(tenant_id))
            self._cache.move_to_end(tenant_id)
            if len(self._cache) > MAX_CACHED_TENANTS:
                self._cache.popitem(last=False)
        try:
            # A caller that gives up must not take the look-up from the others.
            return known[1].result() if known[1].done() else await asyncio.shield(known[1])
        except Exception:
            if self._cache.get(tenant_id) is known:
                del self._cache[tenant_id]
            raise

    async def _look(self, tenant_id: TenantId) -> bool:
        tenant = await self._tenants.get(tenant_id)
        return tenant is not None and tenant.suspended_at is not None
