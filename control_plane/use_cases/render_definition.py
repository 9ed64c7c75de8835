"""Draw a version's statechart."""

from control_plane.engine import compile_spec, render_mermaid
from control_plane.ports.definition_store import DefinitionStore
from control_plane.use_cases.get_definition import get_definition
from shared.ids import DefinitionId, TenantId


async def render_definition(
    definitions: DefinitionStore, tenant_id: TenantId, definition_id: DefinitionId
) -> str:
    """The statechart as a Mermaid stateDiagram-v2."""
    definition = await get_definition(definitions, tenant_id, definition_id)
    return render_mermaid(compile_spec(definition.spec))
