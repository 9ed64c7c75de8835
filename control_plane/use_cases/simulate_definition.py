"""Try a definition out: play a script in virtual time, and keep nothing."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from control_plane.engine import compile_spec
from control_plane.ports.definition_store import DefinitionStore
from control_plane.simulation import Script, Simulation, simulate
from control_plane.use_cases.get_definition import get_definition
from control_plane.use_cases.validate_definition import check_text
from shared.errors import InvalidRequest
from shared.ids import DefinitionId, TenantId

MAX_COMPUTING_S = 1.0
"""Processor time that one run may take, looked at before each decision."""

MAX_SIMULATIONS = 2
"""Runs that a process computes at once; others wait for their turn."""

# A run is nothing but computing. A thread of its own leaves the event loop to the others: the
# interpreter changes over every 5 ms, where a run of 10,000 decisions would hold it for 200.
_simulations = ThreadPoolExecutor(MAX_SIMULATIONS, thread_name_prefix="simulation")


async def simulate_definition(
    definitions: DefinitionStore,
    tenant_id: TenantId,
    *,
    definition_id: DefinitionId | None,
    spec: str | None,
    script: Script,
    trace: bool,
) -> Simulation:
    """
    The run of a version that is kept, or of a spec that is kept nowhere.

    Raises NotFound for a version that is unknown, SpecInvalid for a spec that has errors,
    InvalidRequest for a mock of a task that the definition does not have. What a script asks
    of an instance in vain is no error here.
    """
    if (definition_id is None) == (spec is None):
        raise InvalidRequest("give either definition_id or spec", field="definition_id")
    if definition_id is not None:
        spec = (await get_definition(definitions, tenant_id, definition_id)).spec
    else:
        spec = check_text(spec or "")
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_simulations, _run, spec, script, trace)


def _run(spec: str, script: Script, trace: bool) -> Simulation:
    machine = compile_spec(spec)
    names = {plan.name for plan in machine.task_plans}
    for name in script.mocks:
        if name not in names:
            told = ", ".join(sorted(names)) or "none"
            raise InvalidRequest(
                f"the definition has no task {name!r} to mock; it has {told}", field="mocks"
            )
    until = time.thread_time() + MAX_COMPUTING_S

    def may_go_on() -> bool:
        return time.thread_time() < until

    return simulate(machine, script, trace=trace, may_go_on=may_go_on)
