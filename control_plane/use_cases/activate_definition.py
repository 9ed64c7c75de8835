"""Make a version the one that new instances of its key start from."""

from control_plane.access.auditing import noted
from control_plane.engine import compile_spec
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.records import Definition
from control_plane.use_cases.get_definition import get_definition
from control_plane.use_cases.offers import TASK_TYPES, unavailable
from shared.errors import NotFound, PreconditionFailed
from shared.ids import DefinitionId, TenantId


async def activate_definition(
    definitions: DefinitionStore,
    tenant_id: TenantId,
    definition_id: DefinitionId,
) -> Definition:
    """
    The version that was active is inactive from the same moment on. Repeating is harmless.

    Refuses a spec that asks for what this server does not offer, naming the place and
    what to use instead: no instance is to wait for a worker that does not exist.
    """
    definition = await get_definition(definitions, tenant_id, definition_id)
    if definition.status == "archived":
        raise PreconditionFailed(
            f"definition {definition_id} is archived and stays so; create its spec again as a"
            " new version",
            reason="DEFINITION_ARCHIVED",
            metadata={"definition_id": str(definition_id)},
        )
    asked = next(unavailable(compile_spec(definition.spec)), None)
    if asked is not None:
        raise PreconditionFailed(
            f"{asked.json_pointer}: this server does not offer {asked.what}; {asked.instead}."
            f" It offers {', '.join(TASK_TYPES)}",
            reason="TASK_TYPE_NOT_AVAILABLE",
            metadata={"task_type": asked.what, "json_pointer": asked.json_pointer},
        )
    activated = await definitions.set_status(tenant_id, definition_id, "active", noted=noted())
    if activated is None:
        raise NotFound("definition", str(definition_id))
    return activated
