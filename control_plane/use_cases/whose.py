"""Which tenant a caller means, where it may be one that the credential does not tell."""

from control_plane.access.principal import Principal
from control_plane.ports.tenant_store import Tenant, TenantStore
from shared.errors import FoliotError
from shared.ids import TenantId


async def whose(tenants: TenantStore, caller: Principal, asked: str) -> TenantId | None:
    """
    The caller's own where nothing was asked, which is None for the platform.

    Raises TENANT_NOT_FOUND for one that there is not, and, to a tenant's caller, in the same words
    for any other.
    """
    if caller.tenant_id is not None:
        if asked not in {"", caller.tenant_id}:
            raise no_such_tenant(asked)
        return caller.tenant_id
    if not asked:
        return None
    return (await find_tenant(tenants, asked)).tenant_id


async def find_tenant(tenants: TenantStore, asked: str) -> Tenant:
    """Raises TENANT_NOT_FOUND where there is none."""
    # PostgreSQL takes no NUL, and no tenant has one.
    found = None if "\0" in asked else await tenants.get(TenantId(asked))
    if found is None:
        raise no_such_tenant(asked)
    return found


def no_such_tenant(asked: str) -> FoliotError:
    return FoliotError(
        f"there is no tenant {asked[:100]!r} that you may know of; a credential of the platform may"
        " list them all",
        reason="TENANT_NOT_FOUND",
        metadata={"tenant_id": asked[:100]},
    )
