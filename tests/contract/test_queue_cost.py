"""
What it costs to look at queues and to count tenants, in pages of tables and indexes: it is bounded
by what is asked for, and does not grow with what others have.
"""

import json

import pytest

from bench.claim.backlog import Backlog, add, settle
from control_plane.adapters.postgres.queues import (
    LANES,
    OLDEST_HEAD,
    READY,
    READY_OF_TENANT,
    WALKS,
)
from control_plane.adapters.postgres.quotas import COUNT_OPEN
from tests.contract.worlds import PostgresWorld

FEW = Backlog(tasks=200, tenants=2, prefix="m", type="HTTP")
FLOOD = Backlog(tasks=20_000, tenants=50, prefix="a")
AT_MOST = 100
ALIKE = 1.5
"""An index of a hundred times the rows has one more level."""
A_FEW = 12
"""Pages more, where there is one lane more to walk over."""


async def pages(postgres: PostgresWorld, statement: str, *values: object) -> int:
    """What running a statement looks at, as the role that runs it."""
    await settle(postgres.owner)
    async with postgres.across.acquire() as connection, connection.transaction():
        await connection.execute(WALKS)
        plan = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *values
        )
    buffers = json.loads(plan)[0]["Plan"]
    return int(buffers["Shared Hit Blocks"] + buffers["Shared Read Blocks"])


class TestLookingAtQueues:
    @pytest.mark.parametrize(
        ("statement", "values"),
        [
            (LANES, (None, 100)),
            (READY, (["default"], ["HTTP"], AT_MOST)),
            (READY_OF_TENANT, (["default"], ["HTTP"], AT_MOST, "m000001")),
            (OLDEST_HEAD, ("default", "HTTP", 100)),
        ],
        ids=["lanes", "ready", "ready-of-tenant", "oldest-head"],
    )
    async def test_costs_the_same_beside_a_flood_of_others(
        self, postgres: PostgresWorld, statement: str, values: tuple[object, ...]
    ) -> None:
        """Of another type and of other tenants: neither is walked through."""
        await add(postgres.owner, FEW)
        alone = await pages(postgres, statement, *values)

        await add(postgres.owner, FLOOD)

        assert await pages(postgres, statement, *values) <= alone * ALIKE + A_FEW

    async def test_costs_no_more_in_a_flood_than_it_is_asked_for(
        self, postgres: PostgresWorld
    ) -> None:
        """Counting ends at the bound, a hundred rows of twenty thousand."""
        await add(postgres.owner, FLOOD)

        few = await pages(postgres, READY, ["default"], ["SYSTEM"], AT_MOST)
        more = await pages(postgres, READY, ["default"], ["SYSTEM"], 50 * AT_MOST)

        assert few <= 2 * AT_MOST < more


class TestCountingATenant:
    async def test_costs_the_same_beside_a_flood_of_others(self, postgres: PostgresWorld) -> None:
        """A small tenant is counted in no time, however large its neighbours are."""
        await add(postgres.owner, FEW)
        asked = (["m000001"], [1_000_000], [1_000_000])
        alone = await pages(postgres, COUNT_OPEN, *asked)

        await add(postgres.owner, FLOOD)

        assert await pages(postgres, COUNT_OPEN, *asked) <= alone * ALIKE + A_FEW

    async def test_costs_no_more_than_its_bounds(self, postgres: PostgresWorld) -> None:
        """A quota of a hundred is worth counting to a hundred."""
        await add(postgres.owner, Backlog(tasks=20_000, prefix="big"))
        tenant = await postgres.owner.fetchval("SELECT tenant_id FROM foliot.ready LIMIT 1")

        few = await pages(postgres, COUNT_OPEN, [tenant], [AT_MOST], [AT_MOST])

        assert few <= 4 * AT_MOST
