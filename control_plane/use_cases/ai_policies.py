"""Make policies of AI tasks, and put them in force."""

from control_plane.access import auditing
from control_plane.ports.ai_policies import PLATFORM_POLICY, AiPolicy, AiPolicyStore
from control_plane.use_cases import fields
from shared.errors import FoliotError, InvalidRequest
from shared.guardrails.policy import MAX_NAME, MAX_POLICY_BYTES, Policy
from shared.guardrails.reading import PolicyInvalid, parse_policy
from shared.guardrails.writing import dump_policy, policy_sha256
from shared.ids import TenantId

MAX_VERSIONS = 1_000
"""Versions of policies that a tenant may have, and the platform."""

MAX_VERSION = 2**31 - 1
MAX_TOLD = 10
"""Places that one refusal of a document tells of."""


async def create_ai_policy(
    policies: AiPolicyStore, tenant_id: TenantId | None, name: str, document: str | None, *, by: str
) -> AiPolicy:
    """
    The next version, in force for nothing yet. Raises PolicyInvalid, which says where, InvalidJson
    and LimitExceeded.
    """
    policy_name(name, of=tenant_id)
    if document is None:
        raise InvalidRequest("document is required", field="document")
    policy = _parsed(document)
    return await policies.create(
        tenant_id,
        name,
        dump_policy(policy),
        policy_sha256(policy),
        by=by,
        max_versions=MAX_VERSIONS,
        noted=auditing.noted(),
    )


async def get_ai_policy(
    policies: AiPolicyStore, tenant_id: TenantId | None, name: str, version: int
) -> AiPolicy:
    """A version; without one (0), the active one. Raises AI_POLICY_NOT_FOUND."""
    policy_name(name, of=tenant_id)
    if not 0 <= version <= MAX_VERSION:
        raise InvalidRequest(f"version {version} is none there can be", field="version")
    found = await policies.get(tenant_id, name, version or None)
    if found is None:
        raise no_such_policy(name)
    return found


async def activate_ai_policy(
    policies: AiPolicyStore, tenant_id: TenantId | None, name: str, version: int
) -> AiPolicy:
    """It binds the AI tasks that are created from now on. Raises AI_POLICY_NOT_FOUND."""
    policy_name(name, of=tenant_id)
    if not 0 < version <= MAX_VERSION:
        raise InvalidRequest(f"version {version} is none there can be", field="version")
    found = await policies.activate(tenant_id, name, version, noted=auditing.noted())
    if found is None:
        raise no_such_policy(name)
    return found


async def deactivate_ai_policy(
    policies: AiPolicyStore, tenant_id: TenantId | None, name: str
) -> AiPolicy | None:
    """What was active; None if nothing was."""
    policy_name(name, of=tenant_id)
    return await policies.deactivate(tenant_id, name, noted=auditing.noted())


def _parsed(document: str) -> Policy:
    """Raises InvalidRequest, which tells every place where it is wrong, and LimitExceeded."""
    fields.json_value(document, "document", max_bytes=MAX_POLICY_BYTES)
    try:
        return parse_policy(document)
    except PolicyInvalid as invalid:
        wrong = [f"{at or 'it'} {what}" for at, what in invalid.violations.items()][:MAX_TOLD]
        raise InvalidRequest(
            f"the policy is not good: {'; '.join(wrong)}",
            field="document",
            metadata={"violations": str(len(invalid.violations))},
        ) from None


def policy_name(name: str, field: str = "name", *, of: TenantId | None) -> None:
    """Raises InvalidRequest for what is no name of a policy, or, of the platform, not its one."""
    fields.required(name, field, longest=MAX_NAME)
    if of is None and name != PLATFORM_POLICY:
        raise InvalidRequest(
            f"the platform has one policy, which is called {PLATFORM_POLICY!r}; for another one say"
            " whose it is, by tenant_id",
            field=field,
        )


def no_such_policy(name: str) -> FoliotError:
    return FoliotError(
        f"there is no such version of the policy {name!r}, or none is active; ListAiPolicies lists"
        " what there is",
        reason="AI_POLICY_NOT_FOUND",
        metadata={"name": name},
    )
