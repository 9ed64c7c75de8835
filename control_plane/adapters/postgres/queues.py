"""
Queues in PostgreSQL: what waits in them, and which are paused.

Claims read which are paused by themselves (migrations/sql/0002_claim.sql); here it is written.

Counting walks indexes and stops at a bound, so that it costs the same with a million tasks that
are ready as with some thousands. The table of ready tasks is as often empty as it is large, so
nothing but walks of indexes is offered to the planner.

Measured on 2 loaded cores with a million ready tasks of 100 tenants in one lane: 40 ms for all of
them, 30 ms for one tenant.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from control_plane.adapters.postgres.audit_log import note
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.adapters.postgres.rows import Row
from control_plane.ports.audit import Noted, Target
from control_plane.ports.queues import Depth, Lane, PausedQueue, Stats
from shared.ids import TenantId
from shared.tasks import TaskType

MAX_HEADS = 1_000
"""Tenants whose next task is looked at in a lane that is too long to be counted to its end."""

MAX_LANES = 1_000
"""Queues and types that are walked from one to the next."""

WALKS = (
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;"
    " SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
)

# The lanes in which there is anything ready: of the queue $1, or (null) of all; $2 of them.
LANES = """
WITH RECURSIVE lane AS (
  (SELECT r.queue, r.type FROM foliot.ready r
    WHERE (r.queue, r.type) >= (coalesce($1, ''), '') ORDER BY r.queue, r.type LIMIT 1)
  UNION ALL
  SELECT n.queue, n.type
    FROM lane l
   CROSS JOIN LATERAL (
     SELECT r.queue, r.type FROM foliot.ready r
      WHERE (r.queue, r.type) > (l.queue, l.type) ORDER BY r.queue, r.type LIMIT 1) AS n
   WHERE $1::text IS NULL OR l.queue = $1)
SELECT l.queue, l.type FROM lane l WHERE $1::text IS NULL OR l.queue = $1 LIMIT $2
"""

# Of the lanes $1, $2, no more than $3 rows of each.
READY = """
SELECT l.queue, l.type, c.count, c.oldest_at
  FROM unnest($1::text[], $2::text[]) AS l(queue, type)
 CROSS JOIN LATERAL (
   SELECT count(*) AS count, min(counted.run_at) AS oldest_at
     FROM (SELECT r.run_at FROM foliot.ready r
            WHERE r.queue = l.queue AND r.type = l.type LIMIT $3) AS counted) AS c
"""

# As that, of the tenant $4.
READY_OF_TENANT = """
SELECT l.queue, l.type, c.count, c.oldest_at
  FROM unnest($1::text[], $2::text[]) AS l(queue, type)
 CROSS JOIN LATERAL (
   SELECT count(*) AS count, min(counted.run_at) AS oldest_at
     FROM (SELECT r.run_at FROM foliot.ready r
            WHERE r.queue = l.queue AND r.type = l.type AND r.tenant_id COLLATE "C" = $4
            LIMIT $3) AS counted) AS c
"""

# What goes next of each tenant and flow in the lane $1, $2: as many of them as $3.
OLDEST_HEAD = """
WITH RECURSIVE head AS (
  (SELECT r.queue, r.type, r.tenant_id, r.flow, r.run_at FROM foliot.ready r
    WHERE (r.queue, r.type) >= ($1, $2)
    ORDER BY r.queue, r.type, r.tenant_id COLLATE "C", r.flow, r.precedence LIMIT 1)
  UNION ALL
  SELECT n.*
    FROM head h
   CROSS JOIN LATERAL (
     SELECT r.queue, r.type, r.tenant_id, r.flow, r.run_at FROM foliot.ready r
      WHERE (r.queue, r.type, r.tenant_id COLLATE "C", r.flow) > ($1, $2, h.tenant_id, h.flow)
      ORDER BY r.queue, r.type, r.tenant_id COLLATE "C", r.flow, r.precedence LIMIT 1) AS n
   WHERE h.queue = $1 AND h.type = $2)
SELECT min(h.run_at)
  FROM (SELECT h.run_at FROM head h WHERE h.queue = $1 AND h.type = $2 LIMIT $3) AS h
"""

DELAYED = """
SELECT d.queue, d.type, count(*) AS count
  FROM (SELECT d.queue, d.type FROM foliot.delayed d ORDER BY d.run_at LIMIT $1) AS d
 GROUP BY d.queue, d.type
"""

DELAYED_OF_TENANT = """
SELECT d.queue, d.type, count(*) AS count
  FROM (SELECT d.queue, d.type FROM foliot.delayed d
         WHERE d.tenant_id = $2 AND d.run_at > '-infinity'
         ORDER BY d.run_at LIMIT $1) AS d
 GROUP BY d.queue, d.type
"""

LEASED = """
SELECT t.queue, t.type, count(*) AS count
  FROM (SELECT l.tenant_id, l.instance_id, l.ordinal FROM foliot.lease l LIMIT $1) AS l
  JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
 GROUP BY t.queue, t.type
"""

LEASED_OF_TENANT = """
SELECT t.queue, t.type, count(*) AS count
  FROM (SELECT l.tenant_id, l.instance_id, l.ordinal FROM foliot.lease l
         WHERE l.tenant_id = $2 LIMIT $1) AS l
  JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
 GROUP BY t.queue, t.type
"""

HASH = """
SELECT sha256(convert_to(p::text, 'UTF8')) FROM foliot.paused_queue p WHERE p.queue = $1
"""

# Locks no other rows: two pauses at once may be one too many.
PAUSE = """
INSERT INTO foliot.paused_queue (queue, reason, paused_by, paused_at)
SELECT $1, $2, $3, foliot.now()
 WHERE (SELECT count(*) FROM foliot.paused_queue p WHERE p.queue <> $1) < $4
ON CONFLICT (queue) DO NOTHING
"""


class _Name(NamedTuple):
    queue: str
    type: TaskType


class PostgresQueues:
    def __init__(self, pool: asyncpg.Pool, across: asyncpg.Pool) -> None:
        """`across` acts as ACROSS_ROLE: queues are the platform's, and hold every tenant."""
        self._pool = ReachedPool(pool)
        self._across = ReachedPool(across)

    async def stats(
        self, tenant_id: TenantId | None, queue: str | None, *, lanes: int, at_most: int
    ) -> Stats:
        # Which lanes there are is found across tenants, from one to the next: within one tenant's
        # scope all rows of others would be passed over. Only where it has tasks are they told.
        async with self._across.transaction() as connection:
            await connection.execute(WALKS)
            walked = await connection.fetch(LANES, queue, MAX_LANES)
        queues, types = [row["queue"] for row in walked], [row["type"] for row in walked]
        of = () if tenant_id is None else (tenant_id,)
        pool = self._across if tenant_id is None else self._pool.of(tenant_id)
        async with pool.transaction() as connection:
            await connection.execute(WALKS)
            now: datetime = await connection.fetchval("SELECT foliot.now()")
            statement = READY if tenant_id is None else READY_OF_TENANT
            rows = await connection.fetch(statement, queues, types, at_most, *of)
            ready = {_name(row): row for row in rows if row["count"]}
            oldest = {
                name: await _oldest(connection, name, row, tenant_id, at_most)
                for name, row in ready.items()
            }
            statement = DELAYED if tenant_id is None else DELAYED_OF_TENANT
            delayed = _counts(await connection.fetch(statement, at_most, *of))
            statement = LEASED if tenant_id is None else LEASED_OF_TENANT
            leased = _counts(await connection.fetch(statement, at_most, *of))
        late, held = sum(delayed.values()) >= at_most, sum(leased.values()) >= at_most
        names = sorted(
            name
            for name in ready.keys() | delayed.keys() | leased.keys()
            if queue in {None, name.queue}
        )
        found = [
            Lane(
                queue=name.queue,
                type=name.type,
                ready=_depth(ready[name]["count"] if name in ready else 0, at_most),
                delayed=Depth(delayed.get(name, 0), late),
                leased=Depth(leased.get(name, 0), held),
                oldest_at=oldest.get(name),
            )
            for name in names[:lanes]
        ]
        return Stats(found, len(names) > lanes or len(walked) == MAX_LANES, now)

    async def pause(
        self,
        queue: str,
        reason: str,
        paused_by: str,
        *,
        at_most: int,
        noted: Noted | None = None,
    ) -> PausedQueue | None:
        async with self._across.transaction() as connection:
            before = await connection.fetchval(HASH, queue)
            await connection.execute(PAUSE, queue, reason, paused_by, at_most)
            after = await connection.fetchval(HASH, queue)
            await note(connection, noted, None, Target("queue", queue), before, after)
            row = await connection.fetchrow(
                "SELECT p.* FROM foliot.paused_queue p WHERE p.queue = $1", queue
            )
        return None if row is None else PausedQueue(**row)

    async def resume(self, queue: str, *, noted: Noted | None = None) -> bool:
        async with self._across.transaction() as connection:
            before = await connection.fetchval(HASH + "FOR UPDATE", queue)
            await connection.execute("DELETE FROM foliot.paused_queue p WHERE p.queue = $1", queue)
            await note(connection, noted, None, Target("queue", queue), before, None)
        return before is not None

    async def paused(self) -> Sequence[PausedQueue]:
        rows = await self._across.fetch("SELECT p.* FROM foliot.paused_queue p ORDER BY p.queue")
        return [PausedQueue(**row) for row in rows]


async def _oldest(
    connection: asyncpg.Connection,
    name: _Name,
    row: Row,
    tenant_id: TenantId | None,
    at_most: int,
) -> datetime | None:
    """Of a lane that was counted to its end it is known; of others the next tasks are looked at."""
    oldest: datetime | None = row["oldest_at"]
    if tenant_id is None and row["count"] >= at_most:
        head = await connection.fetchval(OLDEST_HEAD, name.queue, name.type.value, MAX_HEADS)
        return min(one for one in (oldest, head) if one is not None)
    return oldest


def _counts(rows: Sequence[Row]) -> dict[_Name, int]:
    return {_name(row): row["count"] for row in rows}


def _name(row: Row) -> _Name:
    return _Name(row["queue"], TaskType(row["type"]))


def _depth(count: int, at_most: int) -> Depth:
    return Depth(count, count >= at_most)
