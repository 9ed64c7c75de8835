"""Write a version as a document of another format."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeAlias

from control_plane.interchange import Exported, write_scxml, write_xstate
from control_plane.ports.definition_store import DefinitionStore
from control_plane.use_cases.get_definition import get_definition
from shared.ids import DefinitionId, TenantId

Form: TypeAlias = Literal["xstate", "scxml"]

MAX_EXPORTS = 2
"""Documents that a process writes at once; others wait for their turn."""

_exports = ThreadPoolExecutor(MAX_EXPORTS, thread_name_prefix="export")


async def export_definition(
    definitions: DefinitionStore, tenant_id: TenantId, definition_id: DefinitionId, *, form: Form
) -> Exported:
    """The document, and what of the version it does not say. Raises NotFound."""
    definition = await get_definition(definitions, tenant_id, definition_id)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_exports, _export, definition.spec, form)


def _export(spec: str, form: Form) -> Exported:
    document = json.loads(spec)
    return write_scxml(document) if form == "scxml" else write_xstate(document)
