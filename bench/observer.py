"""
Looks at the database from outside, on one connection that no figure counts: how far a
workload has come, and whether everything it left behind is whole.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

STALLED_AFTER_S = 60.0
"""Without one more instance at its end for so long, a workload counts as stuck."""

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}

Progress = Callable[[int], None]


class Stalled(Exception):
    """A workload does not come to its end."""


class Broken(Exception):
    """What a workload left in the database is not whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What one definition's instances left behind."""

    instances: int
    completed: int
    gaps: int
    """Instances whose history is not 1 … seq, or does not end with the instance's hash."""

    tasks: int
    succeeded: int
    repeated: int
    """Attempts more than one a task."""


class Observer:
    """The instances of one tenant, as the database has them."""

    def __init__(self, connection: "asyncpg.Connection[Any]", tenant_id: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self.backend: int = connection.get_server_pid()

    async def check_durability(self) -> None:
        """Raises Broken if a commit could be lost: figures of such a server compare with none."""
        for name, wanted in DURABLE.items():
            found = await self._connection.fetchval("SELECT current_setting($1)", name)
            if found != wanted:
                raise Broken(f"{name} is {found} on this PostgreSQL; set it to {wanted}")

    async def wal_bytes(self) -> int:
        """Where the write-ahead log ends."""
        position = await self._connection.fetchval(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"
        )
        return int(position)

    async def closed(self, key: str) -> int:
        """How many instances of the definition are over, however they ended."""
        count: int = await self._connection.fetchval(
            "SELECT count(*) FROM foliot.instance"
            " WHERE tenant_id = $1 AND definition_key = $2 AND completed_at IS NOT NULL",
            self._tenant_id,
            key,
        )
        return count

    async def waiting(self, key: str) -> int:
        """How many wait for something from outside."""
        count: int = await self._connection.fetchval(
            "SELECT count(*) FROM foliot.instance"
            " WHERE tenant_id = $1 AND definition_key = $2 AND completed_at IS NULL"
            " AND status = 'waiting'",
            self._tenant_id,
            key,
        )
        return count

    async def until_closed(
        self, key: str, count: int, *, every_s: float, progress: Progress
    ) -> list[tuple[float, int]]:
        """
        Wait until `count` instances are over. What was seen: wall-clock seconds, and how many
        were over by then. Raises Stalled.
        """
        seen: list[tuple[float, int]] = [(time.time(), 0)]
        while seen[-1][1] < count:
            closed = await self.closed(key)
            if closed > seen[-1][1]:
                seen.append((time.time(), closed))
                progress(closed)
            _check_moving(key, closed, count, since=seen[-1][0])
            await asyncio.sleep(every_s)
        return seen

    async def when_closed(self, key: str, count: int, *, every_s: float) -> dict[str, float]:
        """
        Wait until `count` instances are over. When each was first seen to be, in seconds of
        the wall clock, by its id. Raises Stalled.
        """
        seen: dict[str, float] = {}
        news = time.time()
        while len(seen) < count:
            rows = await self._connection.fetch(
                "SELECT instance_id::text FROM foliot.instance"
                " WHERE tenant_id = $1 AND definition_key = $2 AND completed_at IS NOT NULL",
                self._tenant_id,
                key,
            )
            now = time.time()
            if len(rows) > len(seen):
                news = now
            for (instance_id,) in rows:
                seen.setdefault(instance_id, now)
            _check_moving(key, len(seen), count, since=news)
            await asyncio.sleep(every_s)
        return seen

    async def until_over(self, instance_id: str, *, every_s: float) -> float:
        """Wait until one instance is over; when it was seen to be. Raises Stalled."""
        began = time.time()
        while not await self._connection.fetchval(
            "SELECT completed_at IS NOT NULL FROM foliot.instance"
            " WHERE tenant_id = $1 AND instance_id = $2::text::uuid",
            self._tenant_id,
            instance_id,
        ):
            _check_moving(instance_id, 0, 1, since=began)
            await asyncio.sleep(every_s)
        return time.time()

    async def left(self, key: str) -> Left:
        """Everything the definition's instances left, looked through."""
        instances = await self._connection.fetchrow(
            "SELECT count(*) AS instances,"
            " count(*) FILTER (WHERE i.status = 'completed') AS completed,"
            " count(*) FILTER (WHERE h.entries IS DISTINCT FROM i.seq OR h.first <> 1"
            "   OR h.last IS DISTINCT FROM i.seq OR h.hash IS DISTINCT FROM i.history_hash) AS gaps"
            " FROM foliot.instance i LEFT JOIN LATERAL ("
            "   SELECT count(*) AS entries, min(seq) AS first, max(seq) AS last,"
            "     (array_agg(hash ORDER BY seq DESC))[1] AS hash"
            "   FROM foliot.history"
            "   WHERE tenant_id = i.tenant_id AND instance_id = i.instance_id) h ON true"
            " WHERE i.tenant_id = $1 AND i.definition_key = $2",
            self._tenant_id,
            key,
        )
        tasks = await self._connection.fetchrow(
            "SELECT count(*) AS tasks, count(*) FILTER (WHERE t.status = 'succeeded') AS succeeded,"
            " coalesce(sum(greatest(t.attempt - 1, 0)), 0) AS repeated"
            " FROM foliot.instance i JOIN foliot.task t USING (tenant_id, instance_id)"
            " WHERE i.tenant_id = $1 AND i.definition_key = $2",
            self._tenant_id,
            key,
        )
        return Left(**dict(instances), **dict(tasks))

    async def check(self, key: str, *, instances: int, tasks: int) -> Left:
        """
        Raises Broken unless there are exactly so many instances, all completed, with gapless
        histories, and so many tasks, all succeeded.
        """
        left = await self.left(key)
        expected = (instances, instances, 0, tasks, tasks)
        found = (left.instances, left.completed, left.gaps, left.tasks, left.succeeded)
        if found != expected:
            raise Broken(
                f"{key}: instances, completed ones, histories with a gap, tasks, succeeded ones"
                f" should be {expected} and are {found}"
            )
        return left


@asynccontextmanager
async def observing(database_url: str, tenant_id: str) -> AsyncIterator[Observer]:
    """An observer with a connection of its own, closed with the block."""
    connection = await asyncpg.connect(database_url, server_settings={"jit": "off"})
    try:
        yield Observer(connection, tenant_id)
    finally:
        await connection.close()


def _check_moving(key: str, closed: int, count: int, *, since: float) -> None:
    if time.time() - since > STALLED_AFTER_S:
        raise Stalled(
            f"{key}: {closed} of {count} instances were over, and no more for"
            f" {STALLED_AFTER_S:g} s; the logs of the planes may say why"
        )
