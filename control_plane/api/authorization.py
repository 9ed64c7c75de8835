"""
Who may call what: read from the MethodAuth option of every method, once, at the start.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from foliot.v1 import auth_options_pb2 as pb
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from control_plane.access.principal import Principal
from shared.errors import PermissionDenied


class MethodWithoutAuth(Exception):
    """A method does not say who may call it. Give it a whole (foliot.v1.auth) option."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    What calling a method takes. `is_read` is true if it changes nothing; `weight` is as how many
    calls it counts. One that `is_audited` leaves entries that name it as `method`.
    """

    permissions: tuple[str, ...]
    tenant_only: bool = False
    platform_only: bool = False
    is_read: bool = True
    weight: int = 1
    method: str = ""
    is_audited: bool = False
    by_callback: bool = False
    """Whether a callback token may call it, about its own task."""


ANY_CREDENTIAL = Rule(permissions=())
"""A good credential of any role."""


def rules_of(services: Iterable[ServiceDescriptor]) -> Mapping[str, Rule]:
    """By the method's path. Raises MethodWithoutAuth if one leaves anything unsaid."""
    return {
        f"/{service.full_name}/{method.name}": _rule(method)
        for service in services
        for method in service.methods
    }


def authorize(principal: Principal, rule: Rule) -> None:
    """Raises PermissionDenied, naming the permission that is lacking."""
    if principal.only_task and not rule.by_callback:
        raise PermissionDenied(
            "a callback token ends its own task, by CompleteTask or FailTask, and does nothing"
            " else; use a key for other calls"
        )
    for permission in rule.permissions:
        principal.require(permission)
    if rule.tenant_only and principal.tenant_id is None:
        raise PermissionDenied(
            "this call acts in a tenant, and this credential belongs to none; use a tenant's key",
            metadata={"permission": ", ".join(rule.permissions)},
        )
    if rule.platform_only and principal.tenant_id is not None:
        raise PermissionDenied(
            "this call acts across tenants, and this credential belongs to one; use a key of the"
            " platform",
            metadata={"permission": ", ".join(rule.permissions)},
        )


def hold_to_task(principal: Principal, request: Any) -> None:
    """Raises PermissionDenied for another task than the one that a callback token is about."""
    if principal.only_task and request.task_id != principal.only_task:
        raise PermissionDenied("this callback token is about another task; send that one's id")


def _rule(method: MethodDescriptor) -> Rule:
    options = method.GetOptions()
    if not options.HasExtension(pb.auth):
        raise MethodWithoutAuth(f"{method.full_name} has no (foliot.v1.auth) option; give it one")
    auth = options.Extensions[pb.auth]
    if not auth.scope or not auth.effect or not auth.idempotency:
        raise MethodWithoutAuth(
            f"{method.full_name}: its (foliot.v1.auth) leaves scope, effect or idempotency unset"
        )
    if bool(auth.permissions) == (auth.scope == pb.AUTH_SCOPE_PUBLIC):
        raise MethodWithoutAuth(
            f"{method.full_name}: its (foliot.v1.auth) must name permissions, or be public"
        )
    if auth.by_callback and "task_id" not in method.input_type.fields_by_name:
        raise MethodWithoutAuth(
            f"{method.full_name} is by_callback, and its request has no task_id"
        )
    return Rule(
        permissions=tuple(auth.permissions),
        tenant_only=auth.scope == pb.AUTH_SCOPE_TENANT,
        platform_only=auth.scope == pb.AUTH_SCOPE_PLATFORM,
        is_read=auth.effect == pb.EFFECT_READ,
        weight=auth.weight or 1,
        method=f"{method.containing_service.full_name}/{method.name}",
        is_audited=auth.audit,
        by_callback=auth.by_callback,
    )
