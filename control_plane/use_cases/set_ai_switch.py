"""Switch AI tasks off at once, and on again."""

from control_plane.access import auditing
from control_plane.ports.ai_policies import EVERYTHING, AiPolicyStore
from control_plane.use_cases import fields
from shared.errors import InvalidRequest
from shared.guardrails.policy import MAX_NAME
from shared.ids import TenantId


async def set_ai_switch(
    policies: AiPolicyStore,
    tenant_id: TenantId | None,
    policy_name: str,
    *,
    off: bool,
    reason: str,
    by: str,
) -> bool:
    """Whether that changed anything; without a tenant it is the platform's switch."""
    fields.text(policy_name, "policy_name", longest=MAX_NAME)
    fields.text(reason, "reason", longest=fields.MAX_REASON)
    if tenant_id is None and policy_name != EVERYTHING:
        raise InvalidRequest("a policy is a tenant's: name it, too", field="policy_name")
    if not off:
        return await policies.switch_on(tenant_id, policy_name, noted=auditing.noted())
    if not reason:
        raise InvalidRequest("reason is required to switch AI tasks off", field="reason")
    known = [(one.tenant_id, one.policy_name) for one in await policies.switches(tenant_id)]
    await policies.switch_off(tenant_id, policy_name, reason=reason, by=by, noted=auditing.noted())
    return (tenant_id, policy_name) not in known
