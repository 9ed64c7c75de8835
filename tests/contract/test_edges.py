"""The database allows the edges of the lifecycles, and no other."""

from itertools import permutations

import asyncpg
import pytest

from control_plane.lifecycles import (
    INSTANCE,
    TASK,
    Edges,
    InstanceLifecycle,
    TaskLifecycle,
    statuses_of,
)
from tests.contract.material import instance, new_task, start, stored
from tests.contract.worlds import PostgresWorld

REFUSED = "FO002"
LIFECYCLES = {"instance": (InstanceLifecycle, INSTANCE), "task": (TaskLifecycle, TASK)}


@pytest.mark.parametrize("table", LIFECYCLES)
class TestTheDatabase:
    async def test_allows_exactly_the_edges_of_the_lifecycle(
        self, postgres: PostgresWorld, table: str
    ) -> None:
        """Whoever writes a status, and by whatever way: what has ended stays as it ended."""
        lifecycle, edges = LIFECYCLES[table]
        fresh = instance(await postgres.now())
        await stored(postgres, start(fresh, new_tasks=[new_task(fresh, 1)]))
        allowed = set()
        for before, after in permutations(sorted(statuses_of(lifecycle)), 2):
            if await _goes(postgres, table, before, after):
                allowed.add((before, after))

        assert _steps(edges) == allowed


def _steps(edges: Edges) -> set[tuple[str, str]]:
    return {(source, target) for (source, _), target in edges.items() if source != target}


async def _goes(postgres: PostgresWorld, table: str, before: str, after: str) -> bool:
    """Whether a row that has one status can be given the other; nothing of it is kept."""
    change = f"""
        UPDATE foliot.{table}
           SET status = $1, completed_at = CASE WHEN $1 = ANY ($2) THEN now() END
        """
    closed = ["completed", "failed", "cancelled", "succeeded", "skipped"]
    tried = postgres.owner.transaction()
    await tried.start()
    try:
        await postgres.owner.execute(f"ALTER TABLE foliot.{table} DISABLE TRIGGER {table}_edge")
        await postgres.owner.execute(change, before, closed)
        await postgres.owner.execute(f"ALTER TABLE foliot.{table} ENABLE TRIGGER {table}_edge")
        await postgres.owner.execute(change, after, closed)
    except asyncpg.PostgresError as error:
        if error.sqlstate != REFUSED:
            raise
        return False
    else:
        return True
    finally:
        await tried.rollback()
