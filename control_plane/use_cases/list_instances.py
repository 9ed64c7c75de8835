"""List a tenant's instances."""

from dataclasses import replace

from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.reader import InstanceFilter, Reader
from control_plane.ports.records import Instance
from control_plane.use_cases.paging import Page, page_of
from shared.ids import DefinitionId, InstanceId, TenantId


async def list_instances(
    reader: Reader,
    definitions: DefinitionStore,
    tenant_id: TenantId,
    wanted: InstanceFilter,
    *,
    definition_id: DefinitionId | None,
    after: InstanceId | None,
    size: int,
) -> Page[Instance]:
    """
    Newest start first.

    One version's instances are looked up among its key's, for which there is an index, and a
    schedule's among all that it has started.
    """
    beside: InstanceFilter | None = None
    if wanted.schedule_id is not None and not wanted.labels:
        beside = wanted
        wanted = replace(wanted, status=None, definition_key=None, business_key=None)
    if definition_id is not None:
        definition = await definitions.get(tenant_id, definition_id)
        if definition is None or wanted.definition_key not in (None, definition.key):
            return Page((), None)
        if wanted.schedule_id is None or wanted.labels:
            wanted = replace(wanted, definition_key=definition.key)
    found = await reader.list_instances(tenant_id, wanted, after=after, limit=size + 1)
    return page_of(
        found,
        size,
        bytes_of=_bytes_of,
        keep=lambda one: (
            definition_id in {None, one.definition_id} and (beside is None or _keeps(beside, one))
        ),
    )


def _keeps(wanted: InstanceFilter, instance: Instance) -> bool:
    """Whether it passes by the fields that the index of schedules does not have."""
    return (
        wanted.status in {None, instance.status}
        and wanted.definition_key in {None, instance.definition_key}
        and wanted.business_key in {None, instance.business_key}
    )


def _bytes_of(instance: Instance) -> int:
    return len(instance.context) + len(instance.output or "") + len(instance.labels)
