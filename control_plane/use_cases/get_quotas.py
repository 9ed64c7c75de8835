"""What a tenant may have, and what it has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from control_plane.ports.quotas import Bounds, QuotaKind, QuotaStore
from control_plane.use_cases.quotas import Quotas
from control_plane.use_cases.whose import no_such_tenant
from shared.ids import TenantId

MAX_COUNTED = 100_000
"""Of each: counting more than that helps nobody."""


class UsedHere(Protocol):
    """What only this replica counts."""

    def streams(self, tenant_id: TenantId) -> int:
        """Streams that are open."""

    def calls(self, tenant_id: TenantId) -> int:
        """Calls of the last second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """`used` is exact up to MAX_COUNTED."""

    kind: QuotaKind
    limit: int
    is_own: bool
    used: int


async def get_quotas(
    store: QuotaStore, quotas: Quotas, here: UsedHere, tenant_id: TenantId
) -> Sequence[Quota]:
    """One of each kind, counted now. Raises TENANT_NOT_FOUND for a tenant that there is not."""
    own = await store.of_tenant(tenant_id)
    if own is None:
        raise no_such_tenant(tenant_id)
    bounds = {tenant_id: Bounds(instances=MAX_COUNTED, tasks=MAX_COUNTED)}
    counted = (await store.count_open(bounds))[tenant_id]
    used = {
        QuotaKind.OPEN_INSTANCES: counted.instances,
        QuotaKind.OPEN_TASKS: counted.tasks,
        QuotaKind.DEFINITIONS: await store.count_definitions(tenant_id, MAX_COUNTED),
        QuotaKind.STREAMS: here.streams(tenant_id),
        QuotaKind.CALLS_PER_SECOND: here.calls(tenant_id),
    }
    return [
        Quota(
            kind=kind,
            limit=own.limits.get(kind, quotas.defaults[kind]),
            is_own=kind in own.limits,
            used=used[kind],
        )
        for kind in QuotaKind
    ]
