"""`foliot key first`."""

import asyncio

from control_plane.access.keys import mint
from control_plane.bootstrap import let_in_first
from shared.errors import InvalidRequest
from shared.ids import TenantId


def run_first(role: str, *, tenant: str, another: bool, database_url: str, pepper: str) -> None:
    """Raises PreconditionFailed where somebody has a platform_admin's key, unless `another`."""
    for value, name in ((database_url, "FOLIOT_DATABASE_URL"), (pepper, "FOLIOT_PEPPER")):
        if not value:
            raise InvalidRequest(f"{name} is not set; give the one that the control planes have")
    minted = mint(tenant_id=TenantId(tenant) if tenant else None, role=role, pepper=pepper)
    asyncio.run(let_in_first(database_url, minted.stored, tenant, another=another))
    # Bare, so that a script can take it in.
    print(minted.text)  # noqa: T201 - what it is asked for
