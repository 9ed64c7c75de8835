"""Draw a version's statechart, and where an instance of it stands."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from control_plane.drawing import Format, draw
from control_plane.engine import Snapshot, compile_spec, load_snapshot
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.reader import Reader
from control_plane.use_cases.get_definition import get_definition
from control_plane.use_cases.get_instance import find_instance
from shared.errors import PreconditionFailed
from shared.ids import DefinitionId, InstanceId, TenantId

MAX_DRAWINGS = 2
"""Pictures a process lays out at once; others wait for their turn."""

_drawings = ThreadPoolExecutor(MAX_DRAWINGS, thread_name_prefix="drawing")


async def render_definition(
    definitions: DefinitionStore,
    reader: Reader,
    tenant_id: TenantId,
    definition_id: DefinitionId,
    *,
    format: Format,  # noqa: A002 - as the API says it
    instance_id: InstanceId | None = None,
) -> bytes:
    """
    The statechart in a format, texts in UTF-8; the states of the instance stand out.

    Raises NotFound, and PreconditionFailed for an instance that runs another version and
    where no picture can be made.
    """
    definition = await get_definition(definitions, tenant_id, definition_id)
    machine = compile_spec(definition.spec)
    snapshot: Snapshot | None = None
    if instance_id is not None:
        instance = await find_instance(reader, tenant_id, instance_id)
        if instance.definition_id != definition_id:
            raise PreconditionFailed(
                f"instance {instance_id} runs version {instance.definition_version} of"
                f" {instance.definition_key!r}, which is definition {instance.definition_id}; ask"
                " for a drawing of that one",
                reason="INSTANCE_OF_OTHER_DEFINITION",
                metadata={
                    "instance_id": str(instance_id),
                    "definition_id": str(instance.definition_id),
                },
            )
        snapshot = load_snapshot(machine, instance.snapshot)
    if format in {"mermaid", "dot"}:
        return draw(machine, snapshot, format)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_drawings, draw, machine, snapshot, format)
