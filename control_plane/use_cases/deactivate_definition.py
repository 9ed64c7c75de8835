"""Stop new instances from a version."""

from control_plane.access.auditing import noted
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.records import Definition
from control_plane.use_cases.get_definition import get_definition
from shared.errors import NotFound, PreconditionFailed
from shared.ids import DefinitionId, TenantId


async def deactivate_definition(
    definitions: DefinitionStore,
    tenant_id: TenantId,
    definition_id: DefinitionId,
) -> Definition:
    """Running instances run on. Repeating is harmless; an archived version stays archived."""
    definition = await get_definition(definitions, tenant_id, definition_id)
    if definition.status == "archived":
        raise PreconditionFailed(
            f"definition {definition_id} is archived: no instance starts from it anyway",
            reason="DEFINITION_ARCHIVED",
            metadata={"definition_id": str(definition_id)},
        )
    deactivated = await definitions.set_status(tenant_id, definition_id, "inactive", noted=noted())
    if deactivated is None:
        raise NotFound("definition", str(definition_id))
    return deactivated
