"""
Limits in PostgreSQL. The claim counts them (migrations/sql/0002_claim.sql); here they are set.

A limit that was lifted stays as a row without numbers for a while, so that whoever is writing a
task into its flow at this moment writes it where claims still look.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from control_plane.adapters.postgres.audit_log import noting
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.ports.audit import Noted, Target
from control_plane.ports.limit_store import WHOLE_TENANT, LimitInForce, Rate, TaskLimit, Woken
from shared.ids import TenantId

MOVE_AT_ONCE = 2_000
"""Waiting tasks that one statement looks at, when they are to wait elsewhere."""

FORGET_AFTER = timedelta(hours=1)
"""Far longer than any transaction may last."""

MAX_TENANTS = 100_000
"""Tenants with limits whose queues are told; those beyond are found by polling."""

_BEFORE_ALL = (datetime.min.replace(tzinfo=UTC), UUID(int=0), -1)

PUT = """
WITH own AS (
  INSERT INTO foliot.task_limit (tenant_id, limit_key, updated_at)
  SELECT $1, '', foliot.now() WHERE $2 <> ''
  ON CONFLICT DO NOTHING)
INSERT INTO foliot.task_limit AS l
       (tenant_id, limit_key, max_running, rate_per_s, burst, tokens, filled_at, updated_at)
SELECT $1, $2, $3, $4::double precision, $5::integer, $5::integer,
       CASE WHEN $4::double precision IS NOT NULL THEN foliot.now() END, foliot.now()
 WHERE (SELECT count(*) FROM foliot.task_limit o
         WHERE o.tenant_id = $1 AND o.limit_key <> $2
           AND num_nulls(o.max_running, o.rate_per_s) < 2) < $6
ON CONFLICT (tenant_id, limit_key) DO UPDATE
  SET max_running = excluded.max_running, rate_per_s = excluded.rate_per_s,
      burst = excluded.burst,
      -- Without a rate there is no bucket; least() alone would pass over the NULL and keep one.
      tokens = CASE WHEN excluded.burst IS NOT NULL THEN
        least(excluded.burst, coalesce(foliot.tokens_at(l, foliot.now()), excluded.tokens)) END,
      filled_at = excluded.filled_at, wake_at = NULL, updated_at = excluded.updated_at
RETURNING 1
"""

# Locks rows of `ready` as claims do, and passes over those that are being claimed.
MOVE_READY = """
WITH page AS MATERIALIZED (
  SELECT r.ctid AS place, r.run_at, r.instance_id, r.ordinal, r.flow
    FROM foliot.ready r
   WHERE r.tenant_id = $1 AND (r.run_at, r.instance_id, r.ordinal) > ($4, $5, $6)
   ORDER BY r.run_at, r.instance_id, r.ordinal
   LIMIT $7),
moved AS (
  UPDATE foliot.ready r
     SET flow = $3
   WHERE r.ctid = ANY (ARRAY(
           SELECT x.place
             FROM page p
            CROSS JOIN LATERAL (
              SELECT t.limit_key FROM foliot.task t
               WHERE t.tenant_id = $1 AND t.instance_id = p.instance_id AND t.ordinal = p.ordinal
              OFFSET 0) AS t
            CROSS JOIN LATERAL (
              SELECT r.ctid AS place FROM foliot.ready r
               WHERE r.ctid = p.place FOR UPDATE SKIP LOCKED OFFSET 0) AS x
            WHERE t.limit_key = $2 AND p.flow <> $3)))
SELECT p.run_at, p.instance_id, p.ordinal
  FROM page p ORDER BY p.run_at DESC, p.instance_id DESC, p.ordinal DESC
 LIMIT 1
"""


HASH = """
SELECT sha256(convert_to(row(l.max_running, l.rate_per_s, l.burst)::text, 'UTF8'))
  FROM foliot.task_limit l
 WHERE l.tenant_id = $1 AND l.limit_key = $2 AND num_nulls(l.max_running, l.rate_per_s) < 2
"""


class PostgresLimitStore:
    def __init__(self, pool: asyncpg.Pool, across: asyncpg.Pool) -> None:
        """`across` acts as ACROSS_ROLE: what the loop asks for is of every tenant."""
        self._pool = ReachedPool(pool)
        self._across = ReachedPool(across)

    async def put(
        self, tenant_id: TenantId, limit: TaskLimit, *, at_most: int, noted: Noted | None = None
    ) -> bool:
        rate = limit.rate
        async with self._noting(noted, tenant_id, limit.key) as connection:
            rows = await connection.fetch(
                PUT,
                tenant_id,
                limit.key,
                limit.max_running,
                None if rate is None else rate.per_second,
                None if rate is None else rate.burst,
                at_most,
            )
        if rows and limit.key != WHOLE_TENANT:
            await self._move(tenant_id, limit.key, to=limit.key)
        return bool(rows)

    async def remove(self, tenant_id: TenantId, key: str, *, noted: Noted | None = None) -> bool:
        async with self._noting(noted, tenant_id, key) as connection:
            rows = await connection.fetch(
                """
                UPDATE foliot.task_limit l
                   SET max_running = NULL, rate_per_s = NULL, burst = NULL, tokens = NULL,
                       filled_at = NULL, wake_at = NULL, updated_at = foliot.now()
                 WHERE l.tenant_id = $1 AND l.limit_key = $2
                   AND num_nulls(l.max_running, l.rate_per_s) < 2
                RETURNING 1
                """,
                tenant_id,
                key,
            )
        if rows and key != WHOLE_TENANT:
            await self._move(tenant_id, key, to="")
        return bool(rows)

    async def of_tenant(self, tenant_id: TenantId) -> Sequence[LimitInForce]:
        rows = await self._pool.of(tenant_id).fetch(
            """
            SELECT l.limit_key, l.max_running, l.rate_per_s, l.burst, l.updated_at,
                   foliot.tokens_at(l, foliot.now()) AS tokens,
                   (SELECT count(*) FROM foliot.lease e
                     WHERE e.tenant_id = l.tenant_id
                       AND (l.limit_key = '' OR e.limit_key = l.limit_key)) AS running
              FROM foliot.task_limit l
             WHERE l.tenant_id = $1 AND num_nulls(l.max_running, l.rate_per_s) < 2
             ORDER BY l.limit_key
            """,
            tenant_id,
        )
        return [_in_force(row) for row in rows]

    async def waiting(self) -> Mapping[TenantId, frozenset[str]]:
        rows = await self._across.fetch(
            """
            SELECT l.tenant_id, coalesce(l.waiting_queues, '{}') FROM foliot.task_limit l LIMIT $1
            """,
            MAX_TENANTS,
        )
        found: dict[TenantId, frozenset[str]] = {}
        for tenant_id, queues in rows:
            found[tenant_id] = found.get(tenant_id, frozenset()) | frozenset(queues)
        return found

    async def woken(self) -> Woken:
        (row,) = await self._across.fetch(
            """
            WITH instant AS MATERIALIZED (SELECT foliot.now() AS now),
            woken AS (
              UPDATE foliot.task_limit l
                 SET wake_at = NULL
               WHERE (l.tenant_id, l.limit_key) IN (
                       SELECT w.tenant_id, w.limit_key FROM foliot.task_limit w
                        WHERE w.wake_at <= (SELECT now FROM instant) FOR UPDATE SKIP LOCKED)
              RETURNING l.waiting_queues)
            SELECT ARRAY(SELECT DISTINCT q.queue
                           FROM woken w CROSS JOIN unnest(w.waiting_queues) AS q(queue)),
                   (SELECT now FROM instant),
                   (SELECT min(l.wake_at) FROM foliot.task_limit l
                     WHERE l.wake_at > (SELECT now FROM instant))
            """
        )
        return Woken(frozenset(row[0]), row[1], row[2])

    async def forget(self) -> None:
        await self._across.execute(
            """
            DELETE FROM foliot.task_limit l
             WHERE num_nulls(l.max_running, l.rate_per_s) = 2 AND NOT l.is_suspended
               AND l.updated_at <= (SELECT foliot.now()) - $1::interval
               AND CASE WHEN l.limit_key = ''
                        THEN NOT EXISTS (SELECT FROM foliot.task_limit o
                                          WHERE o.tenant_id = l.tenant_id AND o.limit_key > '')
                        ELSE NOT EXISTS (SELECT FROM foliot.ready r
                                          WHERE r.tenant_id = l.tenant_id
                                            AND r.flow = l.limit_key)
                             AND NOT EXISTS (SELECT FROM foliot.delayed d
                                              WHERE d.tenant_id = l.tenant_id
                                                AND d.flow = l.limit_key) END
            """,
            FORGET_AFTER,
        )

    def _noting(
        self, noted: Noted | None, tenant_id: TenantId, key: str
    ) -> AbstractAsyncContextManager[asyncpg.Connection]:
        pool, target = self._pool.of(tenant_id), Target("task_limit", key)
        return noting(pool, noted, tenant_id, target, HASH, tenant_id, key)

    async def _move(self, tenant_id: TenantId, key: str, *, to: str) -> None:
        """
        Let what is ready with this key wait in that flow. What is missed, because somebody is
        claiming it or writing it now, is found and moved by the claims, and so is what is delayed:
        turns change the rows of `delayed`, and nobody else does.
        """
        place: Sequence[object] | None = _BEFORE_ALL
        while place is not None:
            place = await self._pool.of(tenant_id).fetchrow(
                MOVE_READY, tenant_id, key, to, *place, MOVE_AT_ONCE
            )


def _in_force(row: Mapping[str, Any]) -> LimitInForce:
    rate = None
    if row["rate_per_s"] is not None:
        rate = Rate(per_second=row["rate_per_s"], burst=row["burst"])
    return LimitInForce(
        limit=TaskLimit(key=row["limit_key"], max_running=row["max_running"], rate=rate),
        running=row["running"],
        updated_at=row["updated_at"],
        tokens=row["tokens"],
    )
