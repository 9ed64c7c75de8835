"""Read one version of a definition."""

from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.records import Definition
from shared.errors import NotFound
from shared.ids import DefinitionId, TenantId


async def get_definition(
    definitions: DefinitionStore, tenant_id: TenantId, definition_id: DefinitionId
) -> Definition:
    """Raises NotFound for an id that is unknown, or another tenant's."""
    definition = await definitions.get(tenant_id, definition_id)
    if definition is None:
        raise NotFound("definition", str(definition_id))
    return definition
