"""
What each role lets its holder do: the one table of permissions.

Which permission an RPC asks for stands in its proto, as a MethodAuth option.
"""

from collections.abc import Mapping

from shared.errors import InvalidRequest, PermissionDenied
from shared.ids import TenantId

PAYLOAD_READ = "payload.read"
"""Without it contexts, inputs, outputs and the like are withheld from every answer. Whoever keeps
work moving, or looks into who did what, needs to see where things stand and not what is in them:
operators and auditors do not have it."""

_READ = frozenset(
    {
        "definition.read",
        "instance.read",
        "task.read",
        "task.see_all",
        "history.read",
        "schedule.read",
        "limit.read",
        "retention.read",
        "quota.read",
        "queue.read",
        "ai.read",
    }
)

_IN_TENANTS: Mapping[str, frozenset[str]] = {
    "viewer": _READ | {PAYLOAD_READ},
    "starter": _READ | {PAYLOAD_READ, "instance.start", "instance.send"},
    "human_worker": frozenset({PAYLOAD_READ, "task.read", "task.complete"}),
    "reviewer": frozenset({PAYLOAD_READ, "task.read", "task.complete", "instance.send"}),
    "definer": _READ | {PAYLOAD_READ, "definition.write"},
    "operator": _READ
    | {
        "instance.send",
        "instance.cancel",
        "instance.operate",
        "task.complete",
        "task.manage",
        "task.redrive",
        "schedule.operate",
        "limit.write",
        "ai.switch",
    },
    "auditor": frozenset(
        {
            "definition.read",
            "instance.read",
            "history.read",
            "schedule.read",
            "key.read",
            "audit.read",
            "ai.read",
        }
    ),
    "tenant_admin": _READ
    | {
        "definition.write",
        "instance.start",
        "instance.send",
        "instance.cancel",
        "instance.operate",
        "task.complete",
        "task.manage",
        "task.redrive",
        "schedule.write",
        "schedule.operate",
        "limit.write",
        "ai.write",
        "ai.switch",
        "retention.write",
        "key.read",
        "key.write",
        "audit.read",
        PAYLOAD_READ,
    },
}

_EXECUTOR = frozenset({"executor.work", PAYLOAD_READ})

_OF_THE_PLATFORM: Mapping[str, frozenset[str]] = {
    "executor": _EXECUTOR,
    # All there are, as nobody grants more than they have: what acts in a tenant is of no use to
    # a credential that belongs to none.
    "platform_admin": _EXECUTOR.union(*_IN_TENANTS.values())
    | {"quota.write", "queue.operate", "doctor.run"}
    | {"tenant.read", "tenant.write", "tenant.suspend"},
}

PERMISSIONS: Mapping[str, frozenset[str]] = {**_IN_TENANTS, **_OF_THE_PLATFORM}

PURPOSES: Mapping[str, str] = {
    "viewer": "whoever looks",
    "starter": "services that start instances and send them events",
    "human_worker": "people with tasks, and nothing but those offered or given to them",
    "reviewer": "people who may decide in a model's place, on what is offered to them",
    "definer": "whoever writes definitions",
    "operator": "whoever keeps work moving",
    "auditor": "whoever looks into who did what",
    "tenant_admin": "whoever answers for a tenant",
    "executor": "executors, across tenants",
    "platform_admin": "whoever keeps the platform",
}
"""Whom each role is for, in words for people."""

PLATFORM_ADMIN = "platform_admin"

PLATFORM_ROLES = frozenset(_OF_THE_PLATFORM)
"""Roles that work across tenants: their keys belong to none. All others belong to one."""


def permissions_of(role: str) -> frozenset[str]:
    """A role this release does not know grants nothing."""
    return PERMISSIONS.get(role, frozenset())


def check_grant(role: str, granted_by: frozenset[str]) -> None:
    """Raises PermissionDenied for a role that grants more than its giver has."""
    more = sorted(permissions_of(role) - granted_by)
    if more:
        raise PermissionDenied(
            f"the role {role!r} grants {', '.join(more)}, which you do not have; nobody gives more"
            " than they have",
            metadata={"permission": ", ".join(more)},
        )


def check_role(role: str, tenant_id: TenantId | None) -> None:
    """Raises InvalidRequest for a role that is unknown, or does not go with the tenant."""
    if role not in PERMISSIONS:
        raise InvalidRequest(
            f"there is no role {role!r}; take one of {', '.join(sorted(PERMISSIONS))}", field="role"
        )
    if role in PLATFORM_ROLES and tenant_id is not None:
        raise InvalidRequest(
            f"role {role!r} works across tenants: make its key without one", field="tenant_id"
        )
    if role not in PLATFORM_ROLES and tenant_id is None:
        raise InvalidRequest(f"role {role!r} needs a tenant to act in", field="tenant_id")
