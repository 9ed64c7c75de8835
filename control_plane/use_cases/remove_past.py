"""Remove what is past its retention, slice by slice, each archived before."""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from uuid import UUID

from control_plane.ports.archive import Archive
from control_plane.ports.records import InstanceKey
from control_plane.ports.retention import PastInstance, RetentionStore, Whole
from control_plane.use_cases.archived import ArchiveBroken, archive_line
from shared.ids import InstanceId, TenantId

LOOK_AT = 1_000
"""Instances looked at in one go."""

REMOVE_AT_ONCE = 100
"""Instances archived and removed in one go, a transaction of theirs."""

MAX_WEIGHT = 10_000
"""History entries in one go, if it is of more than one instance."""

BEFORE_ALL = InstanceId(UUID(int=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """
    What came of one go: `kept_back` could not go, as nobody has said where the archive is;
    `broken` were not whole, and stay.
    """

    tenant_id: TenantId
    removed: int = 0
    archived: int = 0
    kept_back: int = 0
    broken: Sequence[ArchiveBroken] = ()


async def remove_past(
    store: RetentionStore, archive: Archive | None, tenant_id: TenantId
) -> AsyncGenerator[Gone, None]:
    """
    All of a tenant that is past its retention, in slices: whoever iterates sets the pace.

    An instance is removed only if it is as it was archived. So whatever happens in between,
    it is in the archive or in the database, and sometimes in both.
    """
    after, is_last = BEFORE_ALL, False
    while not is_last:
        page = await store.past(tenant_id, after, LOOK_AT)
        after, is_last = page.until, page.is_last
        for slice_ in _slices(page.instances):
            yield await _remove(store, archive, tenant_id, slice_)


async def _remove(
    store: RetentionStore,
    archive: Archive | None,
    tenant_id: TenantId,
    past: Sequence[PastInstance],
) -> Gone:
    archived = {one.key for one in past if one.archives}
    kept_back = archived if archive is None else set[InstanceKey]()
    keys = [one.key for one in past if one.key not in kept_back]
    if not keys:
        return Gone(tenant_id=tenant_id, kept_back=len(kept_back))
    wholes = await store.whole(keys)
    lines: dict[InstanceKey, str] = {}
    broken: list[ArchiveBroken] = []
    for whole in wholes:
        try:
            if whole.instance.key in archived:
                lines[whole.instance.key] = archive_line(whole)
        except ArchiveBroken as error:
            broken.append(error)
    ready = [one for one in wholes if one.instance.key in lines or one.instance.key not in archived]
    if archive is not None and lines:
        await archive.keep(tenant_id, _name(ready, list(lines.values())), list(lines.values()))
    return Gone(
        tenant_id=tenant_id,
        removed=await store.remove_instances(ready) if ready else 0,
        archived=len(lines),
        kept_back=len(kept_back),
        broken=broken,
    )


def _slices(past: Sequence[PastInstance]) -> list[list[PastInstance]]:
    slices: list[list[PastInstance]] = []
    weight = 0
    for one in past:
        weight += one.weight
        if not slices or len(slices[-1]) >= REMOVE_AT_ONCE or weight > MAX_WEIGHT:
            slices.append([])
            weight = one.weight
        slices[-1].append(one)
    return slices


def _name(wholes: Sequence[Whole], lines: Sequence[str]) -> str:
    """When the first of them began, and what they are: the same lines have the same name."""
    began = wholes[0].instance.started_at
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return f"{began:%Y-%m-%d}-{digest[:16]}"
