"""`foliot key`."""

import asyncio

from control_plane.access.keys import mint
from control_plane.bootstrap import let_in
from shared.errors import InvalidRequest
from shared.ids import TenantId


def run_key(role: str, *, tenant: str, database_url: str, pepper: str) -> None:
    for value, name in ((database_url, "FOLIOT_DATABASE_URL"), (pepper, "FOLIOT_PEPPER")):
        if not value:
            raise InvalidRequest(f"{name} is not set; give the one that the control planes have")
    minted = mint(tenant_id=TenantId(tenant) if tenant else None, role=role, pepper=pepper)
    asyncio.run(let_in(database_url, [minted.stored], tenant))
    # Bare, so that a script can take it in.
    print(minted.text)  # noqa: T201 - what it is asked for
