"""
Who is asking: known from the credential alone, for as long as the call lasts.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from control_plane.ports.people import Person
from shared.errors import PermissionDenied, Unauthenticated
from shared.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """
    `name` is what histories and audit entries say. `tenant_id` is None for the platform's.
    `user` is who it is to human tasks, '' for the same as its name; `groups` are the roles that
    human tasks are offered to, which are the tenant's own words and grant nothing else.
    """

    name: str
    tenant_id: TenantId | None
    role: str
    permissions: frozenset[str]
    expires_at: datetime | None
    credential_id: str = ""
    """Which credential it showed: an API key's id. '' for the same as its name."""
    user: str = ""
    groups: frozenset[str] = frozenset()
    only_task: str = ""
    """The one task that a callback token is about; '' for a credential of any other kind."""

    @property
    def tenant(self) -> TenantId:
        """The tenant to act in. Raises PermissionDenied for a credential that has none."""
        if self.tenant_id is None:
            raise PermissionDenied(
                "this credential belongs to the platform and acts in no tenant; use a tenant's key"
            )
        return self.tenant_id

    @property
    def person(self) -> Person:
        """Who this is to human tasks."""
        return Person(
            name=self.name,
            user=self.user or self.name,
            roles=self.groups,
            manages="task.manage" in self.permissions,
            sees_all="task.see_all" in self.permissions,
        )

    def require(self, permission: str) -> None:
        """Raises PermissionDenied unless the role grants it."""
        if permission not in self.permissions:
            raise PermissionDenied(
                f"this call needs the permission {permission!r}, which the role {self.role!r}"
                " does not grant; use a key of another role",
                metadata={"permission": permission},
            )


_CURRENT: ContextVar[Principal] = ContextVar("foliot_principal")


def enter(principal: Principal) -> None:
    """From here on, this call is the principal's."""
    _CURRENT.set(principal)


def user() -> str:
    """Who this call's principal is to human tasks; '' where nobody calls."""
    principal = _CURRENT.get(None)
    return "" if principal is None else principal.user or principal.name


def current() -> Principal:
    """The principal of this call."""
    try:
        return _CURRENT.get()
    except LookupError:
        raise Unauthenticated("this call has no credential", reason="CREDENTIAL_MISSING") from None
