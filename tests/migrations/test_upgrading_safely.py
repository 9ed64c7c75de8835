"""A deployment migrates while others work, more than one of it at once, and never backwards."""

import asyncio

import asyncpg
import pytest

from control_plane.startup import check_schema
from migrations import HEAD, LOCK, downgrade, floor_of, steps, upgrade
from shared.errors import PreconditionFailed, Unavailable
from shared.postgres.session import CONTROL_PLANE_ROLE, open_pool

NEXT = f"{int(HEAD) + 1:04}"
BEFORE_LAST = steps()[-2].revision


async def at(database_url: str, revision: str, floor: str | None = None) -> None:
    """Make a database say that it is at a revision, and which releases it serves."""
    owner = await asyncpg.connect(database_url)
    await owner.execute("UPDATE foliot.alembic_version SET version_num = $1", revision)
    if floor is not None:
        await owner.execute("UPDATE foliot.release_floor SET revision = $1", floor)
    await owner.close()


async def start(database_url: str) -> None:
    """What a control plane of this release looks at."""
    pool = await open_pool(database_url, role=CONTROL_PLANE_ROLE, max_size=1)
    try:
        await check_schema(pool)
    finally:
        await pool.close()


class TestMigrating:
    async def test_tells_each_step_and_that_there_is_nothing_left(self, database_url: str) -> None:
        """Who waits wants to see that it goes on, and what it is at."""
        told: list[str] = []
        again: list[str] = []

        await upgrade(database_url, tell=told.append)
        await upgrade(database_url, tell=again.append)

        assert [f"from nothing to {HEAD}"] == told[:1]
        assert [step.revision for step in steps()] == [line.split(" ")[0] for line in told[1:]]
        assert [f"nothing to do: the database is at {HEAD}"] == again

    async def test_tries_again_where_a_table_is_locked_and_says_who_may_hold_it(
        self, migrated_url: str
    ) -> None:
        """Waiting for long would hold up everybody who comes after it."""
        await downgrade(migrated_url, BEFORE_LAST)
        owner = await asyncpg.connect(migrated_url)
        told: list[str] = []
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute("LOCK TABLE foliot.alembic_version IN SHARE MODE")

        with pytest.raises(Unavailable, match="pg_locks"):
            await upgrade(
                migrated_url, tell=told.append, lock_timeout_s=0.05, attempts=2, rest_s=0.01
            )
        await transaction.rollback()
        await owner.close()
        await upgrade(migrated_url)

        assert "a table is locked; trying again in 0.01 s (1/2)" in told

    async def test_waits_for_somebody_who_is_at_it(self, migrated_url: str) -> None:
        """Two deployments at once, or a retried job."""
        owner = await asyncpg.connect(migrated_url)
        await owner.execute("SELECT pg_advisory_lock($1)", LOCK)
        waiting: asyncio.Queue[str] = asyncio.Queue()
        second = asyncio.create_task(upgrade(migrated_url, tell=waiting.put_nowait))

        said = await asyncio.wait_for(waiting.get(), 10)
        was_done = second.done()
        await owner.close()
        await asyncio.wait_for(second, 10)

        assert "somebody else is migrating this database; waiting" == said
        assert not was_done

    async def test_refuses_to_go_back(self, migrated_url: str) -> None:
        """What only the newer schema holds would be lost; going back is the code's to do."""
        with pytest.raises(PreconditionFailed, match="no schema is taken back"):
            await upgrade(migrated_url, BEFORE_LAST)

    async def test_of_a_revision_that_there_is_not_is_refused(self, migrated_url: str) -> None:
        """A slip of the keyboard."""
        with pytest.raises(PreconditionFailed, match="has no revision 9999"):
            await upgrade(migrated_url, "9999")

    async def test_by_the_release_before_does_nothing_where_it_may_run(
        self, migrated_url: str
    ) -> None:
        """A roll back runs its job too."""
        await at(migrated_url, NEXT)
        told: list[str] = []

        await upgrade(migrated_url, tell=told.append)

        assert [f"nothing to do: the database is at {NEXT}, and this release may run on it"] == told

    async def test_by_a_release_that_may_not_run_is_refused(self, migrated_url: str) -> None:
        """Here what it needs is gone."""
        await at(migrated_url, NEXT, floor=NEXT)

        with pytest.raises(PreconditionFailed, match="does not know"):
            await upgrade(migrated_url)


class TestAControlPlane:
    async def test_starts_on_the_schema_of_the_release_after_it(self, migrated_url: str) -> None:
        """While it is rolled out, and when it is rolled back."""
        await at(migrated_url, NEXT)

        await start(migrated_url)

    async def test_does_not_start_where_what_it_needs_is_gone(self, migrated_url: str) -> None:
        """It would fail late and badly."""
        await at(migrated_url, NEXT, floor=NEXT)

        with pytest.raises(PreconditionFailed, match=f"releases of revision {NEXT}"):
            await start(migrated_url)

    async def test_does_not_start_before_the_migration(self, migrated_url: str) -> None:
        """First the schema, then the code."""
        await at(migrated_url, BEFORE_LAST)

        with pytest.raises(PreconditionFailed, match="run `foliot migrate`"):
            await start(migrated_url)

    async def test_finds_that_its_own_schema_serves_it(self, migrated_url: str) -> None:
        """The floor is at this release's revision at most."""
        owner = await asyncpg.connect(migrated_url)
        floor = await floor_of(owner)
        await owner.close()

        assert floor is not None
        assert floor <= HEAD
