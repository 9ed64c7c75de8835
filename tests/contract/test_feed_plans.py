"""How the feed is read stays the same however much there is, planned once and for all."""

import re

import asyncpg
import pytest

from control_plane.adapters.postgres import feed
from shared.postgres.session import ACROSS_ROLE, CONTROL_PLANE_ROLE, HOT_PLANS, in_scope_of
from tests.contract.worlds import ACME, PostgresWorld

STATEMENTS = {
    "a page, of many tenants": (ACROSS_ROLE, feed.READ),
    "a page, of one": (CONTROL_PLANE_ROLE, feed.READ),
    "the newest position": (CONTROL_PLANE_ROLE, feed.NEWEST),
    "the oldest position": (CONTROL_PLANE_ROLE, feed.FLOOR),
    "what is newer of instances": (ACROSS_ROLE, feed.NEWER),
    "what can be removed": (ACROSS_ROLE, feed.PRUNE),
}
"""With the role that asks: the policies it is held to are part of the plan."""


async def plan_of(connection: asyncpg.Connection, role: str, statement: str) -> str:
    """The plan that is made without the values, as the connections that read feeds make it."""
    for name, value in HOT_PLANS.items():
        await connection.execute("SELECT set_config($1, $2, false)", name, value)
    await connection.execute(f"SET ROLE {role}")
    await connection.execute(in_scope_of(ACME).replace("LOCAL", "SESSION"))
    await connection.execute(f"PREPARE asked AS {statement}")
    count = max(int(number) for number in re.findall(r"\$(\d+)", statement))
    rows = await connection.fetch(f"EXPLAIN EXECUTE asked({', '.join(['NULL'] * count)})")
    return "\n".join(row[0] for row in rows)


class TestAStatementOfTheFeed:
    @pytest.mark.parametrize("has_statistics", [False, True])
    @pytest.mark.parametrize("name", STATEMENTS)
    async def test_finds_its_rows_by_their_keys(
        self, postgres: PostgresWorld, name: str, *, has_statistics: bool
    ) -> None:
        """A plan that walks a table costs the more the longer the history is."""
        if has_statistics:
            await postgres.owner.execute("ANALYZE")

        plan = await plan_of(postgres.owner, *STATEMENTS[name])

        assert not re.search(r"Join Filter: (?!a\.is_good)", plan), plan
        assert not re.search(r"Seq Scan on (?!clock)\w+", plan), plan
        used = set(re.findall(r"Index (?:Only )?Scan(?: Backward)? using (\w+)", plan))
        assert used, plan
        assert not {index for index in used if not index.endswith("_pkey")}, plan
