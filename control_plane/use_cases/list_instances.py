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

    One version's instances are looked up among its key's, for which there is an index.
    """
    if definition_id is not None:
        definition = await definitions.get(tenant_id, definition_id)
        if definition is None or wanted.definition_key not in (None, definition.key):
            return Page((), None)
        wanted = replace(wanted, definition_key=definition.key)
    found = await reader.list_instances(tenant_id, wanted, after=after, limit=size + 1)
    return page_of(
        found,
        size,
        bytes_of=_bytes_of,
        keep=lambda one: definition_id is None or one.definition_id == definition_id,
    )


def _bytes_of(instance: Instance) -> int:
    return len(instance.context) + len(instance.output or "") + len(instance.labels)
