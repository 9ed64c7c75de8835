"""List a tenant's instances."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.reader import InstanceFilter, InstancePlace, Reader
from control_plane.ports.records import Instance
from control_plane.use_cases.paging import page_of
from shared.ids import DefinitionId, TenantId

LOOKED_AT = 500
"""Instances with a label that are looked at for one page, whether they are on it or not."""


@dataclass(frozen=True, slots=True)
class InstancePage:
    """`last` is the place after which the next page begins, None where this one ends the list."""

    rows: Sequence[Instance]
    last: InstancePlace | None


async def list_instances(
    reader: Reader,
    definitions: DefinitionStore,
    tenant_id: TenantId,
    wanted: InstanceFilter,
    *,
    definition_id: DefinitionId | None,
    after: InstancePlace | None,
    size: int,
) -> InstancePage:
    """
    Newest start first.

    One version's instances are looked up among its key's, for which there is an index, and a
    schedule's among all that it has started. Where labels are not all that is asked for, a page
    looks at `LOOKED_AT` of those that have the first one, and may come out short.
    """
    beside: InstanceFilter | None = None
    if wanted.schedule_id is not None and not wanted.labels:
        beside = wanted
        wanted = replace(wanted, status=None, definition_key=None, business_key=None)
    if definition_id is not None:
        definition = await definitions.get(tenant_id, definition_id)
        if definition is None or wanted.definition_key not in (None, definition.key):
            return InstancePage((), None)
        if wanted.schedule_id is None or wanted.labels:
            wanted = replace(wanted, definition_key=definition.key)
    if wanted.asks_beside_labels:
        end = await reader.labelled_at(tenant_id, wanted, after=after, count=LOOKED_AT)
        wanted = replace(wanted, down_to=end)
    found = await reader.list_instances(tenant_id, wanted, after=after, limit=size + 1)
    page = page_of(
        found,
        size,
        bytes_of=_bytes_of,
        keep=lambda one: (
            definition_id in {None, one.definition_id} and (beside is None or _keeps(beside, one))
        ),
    )
    if page.last is None:
        return InstancePage(page.rows, wanted.down_to)
    return InstancePage(page.rows, InstancePlace.of(page.last))


def _keeps(wanted: InstanceFilter, instance: Instance) -> bool:
    """Whether it passes by the fields that the index of schedules does not have."""
    return (
        wanted.status in {None, instance.status}
        and wanted.definition_key in {None, instance.definition_key}
        and wanted.business_key in {None, instance.business_key}
    )


def _bytes_of(instance: Instance) -> int:
    return len(instance.context) + len(instance.output or "") + len(instance.labels)
