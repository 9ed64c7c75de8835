"""
What a claim costs, in pages of tables and indexes that it looks at: that is the same on every
machine. `make bench-claim` measures the same backlogs, and larger ones, by the clock.
"""

import asyncpg
import pytest

from bench.claim.backlog import Backlog, add, limit, limit_key, settle
from bench.claim.claimer import EVERY_TYPE, Claimer
from tests.contract.worlds import PostgresWorld

AT_MOST = 20
FEW = Backlog(tasks=2_000, tenants=10, prefix="m")
MANY = 20_000
ALIKE = 1.3
"""An index of ten times the rows has one more level, and a row is deleted from a fuller page."""


async def pages(
    connection: asyncpg.Connection, types: tuple[str, ...] = EVERY_TYPE, *, analyzed: bool = True
) -> int:
    """Of a claim that is not the connection's first, as that one reads the catalogue too."""
    if analyzed:
        await settle(connection)
    claimer = await Claimer.join(connection, types=types)
    for _ in range(2):
        await claimer.claim(AT_MOST)
    found = await claimer.pages(AT_MOST)

    assert 2 * AT_MOST == claimer.claimed
    return found


class TestAClaimsCost:
    @pytest.mark.parametrize("analyzed", [True, False])
    async def test_is_the_same_for_ten_times_the_rows(
        self, postgres: PostgresWorld, *, analyzed: bool
    ) -> None:
        """Whether the planner knows of them or still believes the tables empty."""
        await add(postgres.owner, FEW)
        few = await pages(postgres.owner, analyzed=analyzed)

        await add(postgres.owner, Backlog(tasks=MANY, tenants=10, prefix="m"))

        assert await pages(postgres.owner, analyzed=analyzed) <= few * ALIKE

    async def test_is_the_same_for_a_hundred_times_the_tenants(
        self, postgres: PostgresWorld
    ) -> None:
        """A round between tenants visits those that it serves."""
        await add(postgres.owner, Backlog(tasks=2_000, tenants=AT_MOST, prefix="m"))
        few = await pages(postgres.owner)

        await add(postgres.owner, Backlog(tasks=2_000, tenants=100 * AT_MOST, prefix="m"))

        assert await pages(postgres.owner) <= few * ALIKE

    async def test_is_the_same_behind_tasks_of_other_types(self, postgres: PostgresWorld) -> None:
        """What the caller has no handler for is not walked past."""
        await add(postgres.owner, FEW)
        alone = await pages(postgres.owner)
        await postgres.owner.execute("UPDATE foliot.ready SET type = 'AI'")
        await postgres.owner.execute("UPDATE foliot.task SET type = 'AI'")

        await add(postgres.owner, Backlog(tasks=MANY, tenants=10, prefix="m", type="HTTP"))

        assert await pages(postgres.owner, types=("AI",)) <= alone * ALIKE

    async def test_is_the_same_beside_tenants_of_other_queues(
        self, postgres: PostgresWorld
    ) -> None:
        """Queues that nobody serves, by a typing error or for good, are nobody's concern."""
        await add(postgres.owner, FEW)
        alone = await pages(postgres.owner)

        await add(postgres.owner, Backlog(tasks=MANY, tenants=MANY, prefix="a", queue="other"))

        assert await pages(postgres.owner) <= alone * ALIKE

    async def test_is_the_same_behind_what_a_limit_on_a_key_holds_back(
        self, postgres: PostgresWorld
    ) -> None:
        """The tenant has room for what has no key, however much waits for room under one."""
        await limit_key(postgres.owner, "m000000", "bank")
        await add(postgres.owner, Backlog(tasks=10, prefix="m", limit_key="bank"))
        await add(postgres.owner, Backlog(tasks=2_000, prefix="m"))
        few = await pages(postgres.owner)

        await add(postgres.owner, Backlog(tasks=MANY, prefix="m", limit_key="bank"))

        assert await pages(postgres.owner) <= few * ALIKE

    async def test_grows_by_the_tenants_that_have_reached_their_limits_alone(
        self, postgres: PostgresWorld
    ) -> None:
        """Each that is passed over costs a few pages, whatever it has waiting."""
        await add(postgres.owner, FEW)
        alone = await pages(postgres.owner)
        await limit(postgres.owner, 50, "a")

        await add(postgres.owner, Backlog(tasks=MANY, tenants=50, prefix="a"))

        assert await pages(postgres.owner) <= alone * ALIKE + 50 * 20


class TestATenantWithOneTask:
    async def test_is_served_by_the_next_claim_beside_a_flood(
        self, postgres: PostgresWorld
    ) -> None:
        """Fairness is between tenants, not between tasks."""
        await add(postgres.owner, Backlog(tasks=MANY, prefix="flood"))
        claimer = await Claimer.join(postgres.owner)
        await claimer.claim(AT_MOST)

        await add(postgres.owner, Backlog(tasks=1, prefix="modest"))

        assert "modest000000" in await claimer.claim(AT_MOST)
