"""Put an inactive version away for good."""

from control_plane.access.auditing import noted
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.records import Definition
from control_plane.use_cases.get_definition import get_definition
from shared.errors import NotFound, PreconditionFailed
from shared.ids import DefinitionId, TenantId


async def archive_definition(
    definitions: DefinitionStore,
    tenant_id: TenantId,
    definition_id: DefinitionId,
) -> Definition:
    """It can still be read, and running instances run on. Repeating is harmless."""
    definition = await get_definition(definitions, tenant_id, definition_id)
    if definition.status == "archived":
        return definition
    if definition.status == "active":
        raise PreconditionFailed(
            f"definition {definition_id} is active; deactivate it, or activate another version"
            f" of {definition.key!r}, first",
            reason="DEFINITION_ACTIVE",
            metadata={"definition_id": str(definition_id)},
        )
    archived = await definitions.set_status(tenant_id, definition_id, "archived", noted=noted())
    if archived is None:
        raise NotFound("definition", str(definition_id))
    return archived
