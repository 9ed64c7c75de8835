"""List the roles that a credential may have."""

from dataclasses import dataclass

from control_plane.access.roles import PERMISSIONS, PLATFORM_ROLES, PURPOSES
from control_plane.use_cases.paging import Page, page_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a credential may be for; `is_platform` where it belongs to no tenant."""

    name: str
    purpose: str
    permissions: tuple[str, ...]
    is_platform: bool


def list_roles(
    *, platform: bool | None, permission: str | None, after: str | None, size: int
) -> Page[Role]:
    """By name: those of the platform or of tenants, that grant a permission, or all."""
    found = [
        Role(
            name=name,
            purpose=PURPOSES[name],
            permissions=tuple(sorted(PERMISSIONS[name])),
            is_platform=name in PLATFORM_ROLES,
        )
        for name in sorted(PERMISSIONS)
        if name > (after or "")
        and (permission is None or permission in PERMISSIONS[name])
        and platform in {None, name in PLATFORM_ROLES}
    ]
    return page_of(found[: size + 1], size, bytes_of=lambda role: len(role.permissions))
