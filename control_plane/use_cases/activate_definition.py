"""Make a version the one that new instances of its key start from."""

from collections.abc import Sequence
from dataclasses import dataclass

from control_plane.access.auditing import noted
from control_plane.engine import Diagnostic, Machine, compile_spec
from control_plane.ports.ai_policies import AiPolicyStore
from control_plane.ports.ai_tasks import DEFAULT_POLICY
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.records import Definition
from control_plane.use_cases.get_definition import get_definition
from control_plane.use_cases.offers import TASK_TYPES, unavailable
from shared.errors import NotFound, PreconditionFailed
from shared.ids import DefinitionId, TenantId
from shared.tasks import TaskType

NO_POLICY = "ai-policy-not-active"
"""A rule that is none of the engine's: what it asks is what the tenant has put into force."""

MAX_TOLD = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Activated:
    """`warnings` tell what its instances would miss as things stand now."""

    definition: Definition
    warnings: Sequence[Diagnostic]


async def activate_definition(
    definitions: DefinitionStore,
    policies: AiPolicyStore,
    tenant_id: TenantId,
    definition_id: DefinitionId,
) -> Activated:
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
    machine = compile_spec(definition.spec)
    asked = next(unavailable(machine), None)
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
    return Activated(definition=activated, warnings=await _unbound(policies, tenant_id, machine))


async def _unbound(
    policies: AiPolicyStore, tenant_id: TenantId, machine: Machine
) -> Sequence[Diagnostic]:
    """AI tasks under a policy of which no version is active: they would fail."""
    asking = [one for one in machine.task_plans if one.type is TaskType.AI]
    missing = {
        name
        for name in {one.policy or DEFAULT_POLICY for one in asking}
        if await policies.get(tenant_id, name, None) is None
    }
    return [
        Diagnostic(
            severity="warning",
            rule=NO_POLICY,
            json_pointer=one.json_pointer,
            message=f"no version of the policy {one.policy or DEFAULT_POLICY!r} is active: the task"
            " would fail by ai.no_policy",
            remedy="make the policy by CreateAiPolicy, and activate a version of it",
        )
        for one in asking
        if (one.policy or DEFAULT_POLICY) in missing
    ][:MAX_TOLD]
