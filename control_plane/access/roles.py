"""
What each role lets its holder do: the one table of permissions.

Which permission an RPC asks for stands in its proto, as a MethodAuth option.
"""

from collections.abc import Mapping

from shared.errors import InvalidRequest
from shared.ids import TenantId

_READ = frozenset(
    {
        "definition.read",
        "instance.read",
        "task.read",
        "history.read",
        "schedule.read",
        "limit.read",
        "retention.read",
    }
)

PERMISSIONS: Mapping[str, frozenset[str]] = {
    "viewer": _READ,
    "starter": _READ | {"instance.start", "instance.send"},
    "human_worker": frozenset({"task.read", "task.complete"}),
    "definer": _READ | {"definition.write"},
    "operator": _READ
    | {
        "instance.send",
        "instance.cancel",
        "instance.operate",
        "task.complete",
        "task.redrive",
        "schedule.operate",
        "limit.write",
    },
    "auditor": frozenset({"definition.read", "instance.read", "history.read", "schedule.read"}),
    "tenant_admin": _READ
    | {
        "definition.write",
        "instance.start",
        "instance.send",
        "instance.cancel",
        "instance.operate",
        "task.complete",
        "task.redrive",
        "schedule.write",
        "schedule.operate",
        "limit.write",
        "retention.write",
    },
    "executor": frozenset({"executor.work"}),
}

PLATFORM_ROLES = frozenset({"executor"})
"""Roles that work across tenants: their keys belong to none. All others belong to one."""


def permissions_of(role: str) -> frozenset[str]:
    """A role this release does not know grants nothing."""
    return PERMISSIONS.get(role, frozenset())


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
