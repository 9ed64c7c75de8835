"""How what a turn adds to the feed is cut into rows: few, and none too large to be read at once."""

from collections.abc import Iterator, Sequence

from control_plane.ports.instance_store import Change
from shared.ids import TenantId

MAX_IN_PART = 50
"""Instances in a row: it stays below 2 KB, beyond which PostgreSQL would compress it."""

MAX_PART_WEIGHT = 256 * 1024
"""Bytes that reading a row's entries gives, unless one instance alone has more."""

ENTRY_WEIGHT = 200
"""Bytes of an entry beside its payload, about."""


def feed_parts(changes: Sequence[Change]) -> Iterator[tuple[int, int, int, int]]:
    """
    For each change that has entries: its position from 1, its part, its entries, their weight.

    Parts count up from 0 in each tenant.
    """
    open_parts: dict[TenantId, tuple[int, int, int]] = {}
    for n, change in enumerate(changes, start=1):
        if not change.entries:
            continue
        tenant_id = change.after.tenant_id
        weight = sum(ENTRY_WEIGHT + len(entry.payload) for entry in change.entries)
        part, count, so_far = open_parts.get(tenant_id, (0, 0, 0))
        if count == MAX_IN_PART or (count and so_far + weight > MAX_PART_WEIGHT):
            part, count, so_far = part + 1, 0, 0
        open_parts[tenant_id] = part, count + 1, so_far + weight
        yield n, part, len(change.entries), weight
