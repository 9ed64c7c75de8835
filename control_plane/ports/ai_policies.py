"""Policies of AI tasks: versions that never change, which is active, and what is switched off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from control_plane.ports.audit import Noted, Target
from control_plane.ports.records import JsonText
from shared.ids import TenantId

EVERYTHING = ""
"""The name under which all of a tenant's AI tasks are switched off, whatever their policy."""


PLATFORM_POLICY = "platform"
"""What the platform's own policy is called. It binds every AI task of every tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AiPolicy:
    """One version. `document` is canonical, `sha256` the hexadecimal hash of its bytes."""

    name: str
    version: int
    document: JsonText
    sha256: str
    is_active: bool
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AiSwitch:
    """
    AI tasks that are switched off: all of the platform (`tenant_id` None), all of a tenant
    (`policy_name` EVERYTHING), or those under a policy.
    """

    tenant_id: TenantId | None
    policy_name: str
    reason: str
    switched_by: str
    switched_at: datetime


class AiPolicyStore(Protocol):
    """Policies of a tenant, or, without one, the platform's, whose one name is PLATFORM_POLICY."""

    async def create(
        self,
        tenant_id: TenantId | None,
        name: str,
        document: JsonText,
        sha256: str,
        *,
        by: str,
        max_versions: int,
        noted: Noted | None = None,
    ) -> AiPolicy:
        """
        The next version of the name, inactive. A document that the newest version has already
        gives that one. Raises LimitExceeded beyond `max_versions` of the tenant.
        """

    async def get(
        self, tenant_id: TenantId | None, name: str, version: int | None
    ) -> AiPolicy | None:
        """A version; without one, the active one."""

    async def list(
        self, tenant_id: TenantId | None, name: str, *, after: tuple[str, int] | None, limit: int
    ) -> Sequence[AiPolicy]:
        """By name, the newest version first; with a `name`, its alone."""

    async def activate(
        self, tenant_id: TenantId | None, name: str, version: int, *, noted: Noted | None = None
    ) -> AiPolicy | None:
        """Make it the active one of its name. None if there is no such version."""

    async def deactivate(
        self, tenant_id: TenantId | None, name: str, *, noted: Noted | None = None
    ) -> AiPolicy | None:
        """The version that was active until now; None if none was."""

    async def switch_off(
        self,
        tenant_id: TenantId | None,
        policy_name: str,
        *,
        reason: str,
        by: str,
        noted: Noted | None = None,
    ) -> AiSwitch:
        """What is off already stays off, as it was."""

    async def switch_on(
        self, tenant_id: TenantId | None, policy_name: str, *, noted: Noted | None = None
    ) -> bool:
        """False if it was on."""

    async def switches(self, tenant_id: TenantId | None) -> Sequence[AiSwitch]:
        """What is off for a tenant, the platform's switch first; without one, that alone."""


def policy_target(name: str, version: int) -> Target:
    """What the audit log calls a version."""
    return Target("ai_policy", f"{name}@{version}")
