"""Hold two definitions against each other: what has changed, and what that means for instances."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from control_plane.engine import Comparison, compare, compile_spec
from control_plane.ports.definition_store import DefinitionStore
from control_plane.use_cases.get_definition import get_definition
from control_plane.use_cases.validate_definition import check_text
from shared.errors import InvalidRequest
from shared.ids import DefinitionId, TenantId

MAX_DIFFS = 2
"""Comparisons that a process makes at once; others wait for their turn."""

MAX_PAIRS = 25_000
"""Pairs of states that are held together for renames: half a second of computing."""

_diffs = ThreadPoolExecutor(MAX_DIFFS, thread_name_prefix="diff")


async def diff_definitions(
    definitions: DefinitionStore,
    tenant_id: TenantId,
    before_id: DefinitionId,
    *,
    after_id: DefinitionId | None,
    after_spec: str | None,
) -> Comparison:
    """
    What is different in a version that is kept, or in a spec that is kept nowhere.

    Raises NotFound for a version that is unknown, SpecInvalid for a spec that has errors.
    """
    if (after_id is None) == (after_spec is None):
        raise InvalidRequest(
            "give either after_definition_id or after_spec", field="after_definition_id"
        )
    before = (await get_definition(definitions, tenant_id, before_id)).spec
    if after_id is not None:
        after = (await get_definition(definitions, tenant_id, after_id)).spec
    else:
        after = check_text(after_spec or "", "after_spec")
    return await asyncio.get_running_loop().run_in_executor(_diffs, _diff, before, after)


def _diff(before: str, after: str) -> Comparison:
    return compare(compile_spec(before), compile_spec(after), max_compared=MAX_PAIRS)
