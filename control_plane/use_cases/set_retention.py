"""Say for how long instances are kept after their end."""

from datetime import timedelta

from control_plane.access.auditing import noted
from control_plane.ports.retention import EVERY_DEFINITION, Retention, RetentionStore
from control_plane.use_cases import fields
from shared.errors import InvalidRequest, LimitExceeded
from shared.ids import TenantId

SHORTEST = timedelta(minutes=1)
"""Whoever waits for an instance's end should have a chance to read how it came about."""

LONGEST = timedelta(days=36_500)
MAX_RETENTIONS = 1_000


async def set_retention(
    store: RetentionStore,
    tenant_id: TenantId,
    definition_key: str,
    keep: timedelta | None,
    *,
    archives: bool,
) -> Retention:
    """It replaces the one that there was. `keep` None is for ever. Repeating is harmless."""
    check_key(definition_key)
    if keep is not None and not SHORTEST <= keep <= LONGEST:
        raise InvalidRequest(
            f"retention_window is {keep.total_seconds():g} s; it may be a minute to a hundred"
            " years, or not set, for ever",
            field="retention_window",
        )
    known = await store.of_tenant(tenant_id)
    if len(known) >= MAX_RETENTIONS and all(one.definition_key != definition_key for one in known):
        raise LimitExceeded("retentions", actual=MAX_RETENTIONS + 1, maximum=MAX_RETENTIONS)
    return await store.put(tenant_id, definition_key, keep, archives=archives, noted=noted())


def check_key(definition_key: str) -> None:
    """Empty stands for all definitions that have none of their own."""
    if definition_key != EVERY_DEFINITION:
        fields.definition_key(definition_key, "definition_key")
