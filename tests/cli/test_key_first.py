"""`foliot key first`: the one key that nobody can be asked for."""

import asyncio

from typer.testing import CliRunner, Result

from control_plane.access.keys import is_secret_of, parse
from control_plane.adapters.postgres.credentials import PostgresCredentials
from control_plane.cli.app import app
from control_plane.ports.credentials import StoredKey
from shared.postgres.session import ACROSS_ROLE, close_pool, open_pool

PEPPER = "pepper for tests"


async def first(url: str, *arguments: str) -> Result:
    """What the command comes to, in a thread, as it has a loop of its own."""
    return await asyncio.to_thread(
        CliRunner().invoke,
        app,
        ["key", "first", *arguments, "--database-url", url, "--pepper", PEPPER],
    )


async def stored(url: str, key_id: str) -> StoredKey | None:
    pool = await open_pool(url, role=ACROSS_ROLE, max_size=1)
    try:
        return await PostgresCredentials(pool).find(key_id)
    finally:
        await close_pool(pool)


class TestTheFirstKey:
    async def test_is_that_of_whoever_keeps_the_platform(self, migrated_url: str) -> None:
        """Bare, so that a script can take it in; good at once."""
        made = await first(migrated_url)

        presented = parse(made.stdout.strip())
        found = await stored(migrated_url, presented.key_id)
        assert found is not None
        assert ("platform_admin", None) == (found.role, found.tenant_id)
        assert is_secret_of(found, presented, PEPPER)

    async def test_is_refused_where_there_is_one_unless_it_is_to_be_another(
        self, migrated_url: str
    ) -> None:
        """Whoever reaches the database should not do so by habit."""
        await first(migrated_url)

        refused = await first(migrated_url)
        executors = await first(migrated_url, "executor")
        another = await first(migrated_url, "--another")

        assert refused.exit_code != 0
        assert "" == refused.stdout
        assert executors.exit_code != 0
        assert parse(another.stdout.strip()).key_id

    async def test_may_be_another_roles_where_there_is_none_yet(self, migrated_url: str) -> None:
        """For scripts that bring a whole system up; its tenant is made with it."""
        made = await first(migrated_url, "tenant_admin", "--tenant", "acme")

        found = await stored(migrated_url, parse(made.stdout.strip()).key_id)
        assert found is not None
        assert ("tenant_admin", "acme") == (found.role, found.tenant_id)

    async def test_takes_the_pepper_of_the_control_planes(self, migrated_url: str) -> None:
        """A key with another would let nobody in."""
        refused = await asyncio.to_thread(
            CliRunner().invoke, app, ["key", "first", "--database-url", migrated_url]
        )

        assert refused.exit_code != 0
