"""Add a tenant."""

import re

from control_plane.access.auditing import noted
from control_plane.ports.tenant_store import Tenant, TenantStore
from control_plane.use_cases import fields
from shared.errors import AlreadyExists, InvalidRequest
from shared.ids import TenantId

MAX_DISPLAY_NAME = 200

_TENANT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


async def create_tenant(
    tenants: TenantStore, tenant_id: str, display_name: str
) -> tuple[Tenant, bool]:
    """The tenant, and whether it is new. Repeating is harmless."""
    if not _TENANT_ID.fullmatch(tenant_id):
        raise InvalidRequest(
            f"tenant_id {tenant_id[:100]!r} is not one: lower case letters, digits, '_' and '-',"
            " first a letter or digit, at most 63 characters",
            field="tenant_id",
        )
    name = fields.text(display_name, "display_name", longest=MAX_DISPLAY_NAME) or tenant_id
    tenant, is_new = await tenants.create(TenantId(tenant_id), name, noted=noted())
    if tenant.display_name != name:
        raise AlreadyExists(
            f"there is a tenant {tenant_id!r} by the name of {tenant.display_name!r}; take another"
            " id, or UpdateTenant",
            reason="TENANT_EXISTS",
            metadata={"tenant_id": tenant_id},
        )
    return tenant, is_new
