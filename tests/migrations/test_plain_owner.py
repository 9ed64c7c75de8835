"""
A schema whose owner is no superuser, as managed databases have it: forced row security holds for
such an owner, and the functions that act with its rights have to work all the same.
"""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from control_plane.adapters.postgres.instance_store import PostgresInstanceStore
from control_plane.adapters.postgres.reader import PostgresReader
from migrations import upgrade
from shared.ids import TenantId
from shared.postgres.session import (
    ACROSS_ROLE,
    CALLER_ROLE,
    CONTROL_PLANE_ROLE,
    EXECUTOR_ROLE,
    HOT_PLANS,
    open_pool,
)
from tests.contract.material import instance, new_task, start

OWNER = "plain_owner"
ACME = TenantId("acme")


@pytest.fixture
async def plain_url(database_url: str) -> AsyncIterator[str]:
    """A database that a login without any more rights owns and has migrated."""
    administrator = await asyncpg.connect(database_url)
    database = await administrator.fetchval("SELECT current_database()")
    await administrator.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS")
    await administrator.execute(f'ALTER DATABASE "{database}" OWNER TO {OWNER}')
    # Of a server whose roles are there already: what a migration is to change, it administers.
    for role in (CONTROL_PLANE_ROLE, EXECUTOR_ROLE, ACROSS_ROLE, CALLER_ROLE):
        if await administrator.fetchval("SELECT to_regrole($1) IS NOT NULL", role):
            await administrator.execute(
                f"GRANT {role} TO {OWNER} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"
            )
    parts = urlsplit(database_url)
    url = urlunsplit(parts._replace(netloc=f"{OWNER}@"))
    await upgrade(url)
    yield url
    await administrator.execute(f"REASSIGN OWNED BY {OWNER} TO CURRENT_USER")
    await administrator.execute(f"DROP OWNED BY {OWNER}")
    await administrator.execute(f"DROP ROLE {OWNER}")
    await administrator.close()


class TestAnOwnerWithoutMoreRights:
    async def test_has_functions_that_see_what_they_need(self, plain_url: str) -> None:
        """Tasks are claimed by one of them: under the owner's policy, past every tenant's."""
        owner = await asyncpg.connect(plain_url)
        now = await owner.fetchval("SELECT foliot.now()")
        await owner.execute("INSERT INTO foliot.tenant VALUES ($1, 'Acme', now())", ACME)
        across = await open_pool(plain_url, role=ACROSS_ROLE, max_size=1, settings=HOT_PLANS)
        pool = await open_pool(plain_url, role=CONTROL_PLANE_ROLE, max_size=1)
        executor = await open_pool(plain_url, role=EXECUTOR_ROLE, max_size=1)
        fresh = instance(now)
        store = PostgresInstanceStore(across)
        await store.write([start(fresh, new_tasks=[new_task(fresh, 1)])])
        await store.close()

        session_id = uuid4()
        await executor.execute("SELECT foliot.extend_session($1, 'w', NULL, 60)", session_id)
        claimed = await executor.fetch(
            "SELECT * FROM foliot.claim($1, '{default}', '{HTTP}', 9, '')", session_id
        )
        found = await PostgresReader(pool).get_instance(ACME, fresh.instance_id)
        for opened in (executor, pool, across):
            await opened.close()
        is_above = await owner.fetchval(
            "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        )
        await owner.close()

        assert [fresh.instance_id] == [row["instance_id"] for row in claimed]
        assert found is not None
        assert not is_above

    async def test_is_held_to_its_policies(self, plain_url: str) -> None:
        """Without its own it is like a request that names no tenant: forced means that."""
        owner = await asyncpg.connect(plain_url)
        await owner.execute("INSERT INTO foliot.tenant VALUES ($1, 'Acme', now())", ACME)
        seen = await owner.fetchval("SELECT count(*) FROM foliot.tenant")
        await owner.execute("DROP POLICY owners ON foliot.tenant")

        with pytest.raises(asyncpg.PostgresError, match="which tenant"):
            await owner.fetchval("SELECT count(*) FROM foliot.tenant")
        await owner.close()

        assert seen == 1
