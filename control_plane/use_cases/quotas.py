"""The quotas that hold: the platform's defaults, and what was set for a tenant."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType

from control_plane.ports.quotas import OwnQuotas, QuotaKind
from shared.errors import InvalidRequest, QuotaExceeded
from shared.ids import TenantId

MAX_LIMIT = 1_000_000_000
"""Of a quota: a number beyond is a mistake in its units."""

DEFAULTS: Mapping[QuotaKind, int] = MappingProxyType(
    {
        QuotaKind.OPEN_INSTANCES: 1_000_000,
        QuotaKind.OPEN_TASKS: 1_000_000,
        QuotaKind.DEFINITIONS: 10_000,
        QuotaKind.STREAMS: 1_000,
        QuotaKind.CALLS_PER_SECOND: 10_000,
    }
)
"""What a tenant has if nothing else was set for it, nor for the platform."""


class Quotas:
    """
    What every tenant may have, as this replica knows it.

    `learn` tells it what has changed. It holds one small entry for each tenant with numbers of
    its own, and none for all others.
    """

    def __init__(self, defaults: Mapping[QuotaKind, int] = DEFAULTS) -> None:
        self.defaults = defaults
        self._own: dict[TenantId, Mapping[QuotaKind, int]] = {}

    def limit(self, tenant_id: TenantId, kind: QuotaKind) -> int:
        own = self._own.get(tenant_id)
        return self.defaults[kind] if own is None else own.get(kind, self.defaults[kind])

    def learn(self, changed: Iterable[OwnQuotas]) -> None:
        for tenant_id, limits, _ in changed:
            if limits:
                self._own[tenant_id] = limits
            else:
                self._own.pop(tenant_id, None)


def check_limit(limit: int) -> int:
    """Raises InvalidRequest for what no quota can be."""
    if not 0 <= limit <= MAX_LIMIT:
        raise InvalidRequest(f"limit must be from 0 to {MAX_LIMIT:,}, not {limit}", field="limit")
    return limit


def exceeded(
    tenant_id: TenantId, kind: QuotaKind, limit: int, *, retry_in: timedelta | None
) -> QuotaExceeded:
    """The refusal of what would go beyond a quota. Without `retry_in` waiting does not help."""
    return QuotaExceeded(
        f"the tenant may have {limit} {_WORDS[kind]}, and has them; {_REMEDIES[kind]}",
        quota=kind.value,
        subject=f"tenant:{tenant_id}",
        limit=limit,
        retry_in=retry_in,
    )


_WORDS: Mapping[QuotaKind, str] = {
    QuotaKind.OPEN_INSTANCES: "open instances",
    QuotaKind.OPEN_TASKS: "open tasks",
    QuotaKind.DEFINITIONS: "versions of definitions",
    QuotaKind.STREAMS: "open streams on a server",
    QuotaKind.CALLS_PER_SECOND: "calls a second",
}

_MORE = "or ask the platform's operators for a larger quota"

_REMEDIES: Mapping[QuotaKind, str] = {
    QuotaKind.OPEN_INSTANCES: f"start others when some have ended, {_MORE}",
    QuotaKind.OPEN_TASKS: f"start instances when some tasks have ended, {_MORE}",
    QuotaKind.DEFINITIONS: "ask the platform's operators for a larger quota",
    QuotaKind.STREAMS: f"close some, {_MORE}",
    QuotaKind.CALLS_PER_SECOND: f"send the call again after the delay in the RetryInfo, {_MORE}",
}
