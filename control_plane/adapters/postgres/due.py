"""
What is due, from PostgreSQL. All by the database's clock, taken once a statement:
`(SELECT foliot.now())`, as a volatile function beside a column is no index condition.
"""

from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.ports.due import (
    LOOK,
    NO_TIME,
    Ahead,
    DueQueue,
    DueTimer,
    DueTimers,
    ExpiredLease,
)
from control_plane.ports.inbox import START
from control_plane.ports.records import InstanceKey
from shared.failpoints import failpoint

FORGET_SESSIONS_AFTER = timedelta(hours=1)
SWEPT_AT_ONCE = 5_000
"""Sessions, and leases, that one sweep takes away; the next sweep takes more."""

STOP_WITHIN = timedelta(minutes=1)
"""How long the holder of a task that was called off may take to say how it ended."""


class PostgresDue:
    """Its pool must act as ACROSS_ROLE (shared/postgres/session.py)."""

    def __init__(self, across: asyncpg.Pool) -> None:
        self._pool = ReachedPool(across)

    async def timers(self, limit: int, *, within: timedelta = NO_TIME) -> DueTimers:
        await failpoint("due.timers.before")
        rows = await self._pool.fetch(
            """
            WITH instant AS MATERIALIZED (SELECT foliot.now() AS now)
            SELECT i.now, t.tenant_id, t.instance_id, t.timer_id, t.due
              FROM instant i
              LEFT JOIN (
                SELECT t.tenant_id, t.instance_id, t.timer_id, t.due
                  FROM foliot.timer t
                 WHERE t.due <= (SELECT now FROM instant) + $2::interval
                   AND t.tenant_id NOT IN (SELECT s.tenant_id FROM foliot.tenant s
                                            WHERE s.suspended_at IS NOT NULL)
                 ORDER BY t.due, t.timer_id
                 LIMIT $1) AS t ON true
             ORDER BY t.due, t.timer_id
            """,
            limit,
            within,
        )
        await failpoint("due.timers.after")
        timers = [DueTimer(*row) for _, *row in rows if row[0] is not None]
        return DueTimers(rows[0]["now"], timers)

    async def ahead(self) -> Ahead:
        await failpoint("due.ahead.before")
        (row,) = await self._pool.fetch(
            """
            SELECT foliot.now(),
                   (SELECT min(d.run_at) FROM foliot.delayed d WHERE d.run_at < 'infinity')
            """
        )
        return Ahead(*row)

    async def release_delayed(self, limit: int) -> Sequence[DueQueue]:
        await failpoint("due.delayed.before")
        rows = await self._pool.fetch(
            # Locks rows of `delayed`, SKIP LOCKED: a claim moves them too, and neither waits.
            # ARRAY(…), so that the limit is taken once.
            """
            WITH due AS (
              DELETE FROM foliot.delayed d
               WHERE d.ctid = ANY (ARRAY(
                       SELECT w.ctid FROM foliot.delayed w
                        WHERE w.run_at <= (SELECT foliot.now())
                        ORDER BY w.run_at LIMIT $1 FOR UPDATE SKIP LOCKED))
              RETURNING d.*),
            moved AS (
              INSERT INTO foliot.ready
                     (tenant_id, run_at, instance_id, ordinal, queue, type, flow, precedence,
                      attempt, epoch)
              SELECT d.tenant_id, d.run_at, d.instance_id, d.ordinal, d.queue, d.type, d.flow,
                     foliot.precedence(d.run_at, d.priority), d.attempt, d.epoch
                FROM due d
              RETURNING queue)
            SELECT m.queue, count(*)::integer FROM moved m GROUP BY m.queue ORDER BY m.queue
            """,
            limit,
        )
        await failpoint("due.delayed.after")
        return [DueQueue(*row) for row in rows]

    async def expired_leases(self, limit: int) -> Sequence[ExpiredLease]:
        await failpoint("due.expired.before")
        rows = await self._pool.fetch(
            # A claim that raced a cancel leaves a lease of a closed task. Nothing is to be
            # rescued there, so such a lease ends here.
            """
            WITH expired AS MATERIALIZED (
              SELECT l.tenant_id, l.instance_id, l.ordinal, l.epoch, l.claimed_at,
                     t.completed_at IS NOT NULL AS is_closed
                FROM foliot.lease l
                JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
                LEFT JOIN foliot.executor_session s ON s.session_id = l.session_id
               WHERE s.session_id IS NULL OR s.expires_at <= (SELECT foliot.now())
               ORDER BY l.claimed_at
               LIMIT $1),
            ended AS (
              DELETE FROM foliot.lease l
               USING expired e
               WHERE (l.tenant_id, l.instance_id, l.ordinal, l.epoch)
                     = (e.tenant_id, e.instance_id, e.ordinal, e.epoch)
                 AND e.is_closed)
            SELECT e.tenant_id, e.instance_id, e.ordinal, e.epoch
              FROM expired e
             WHERE NOT e.is_closed
             ORDER BY e.claimed_at
            """,
            limit,
        )
        await failpoint("due.expired.after")
        return [ExpiredLease(*row) for row in rows]

    async def silent_leases(self, limit: int) -> Sequence[ExpiredLease]:
        await failpoint("due.silent.before")
        rows = await self._pool.fetch(
            """
            SELECT l.tenant_id, l.instance_id, l.ordinal, l.epoch
              FROM foliot.lease l
              JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
             WHERE l.silent_at <= (SELECT foliot.now()) AND t.completed_at IS NULL
             ORDER BY l.silent_at
             LIMIT $1
            """,
            limit,
        )
        await failpoint("due.silent.after")
        return [ExpiredLease(*row) for row in rows]

    async def untried_inbox(self, limit: int, *, look: int = LOOK) -> Sequence[InstanceKey]:
        await failpoint("due.inbox.before")
        rows = await self._pool.fetch(
            """
            SELECT i.tenant_id, i.instance_id
              FROM (SELECT i.tenant_id, i.instance_id, i.type, i.accepted_at
                      FROM foliot.inbox i
                     WHERE i.deferred_at IS NULL
                     ORDER BY i.accepted_at
                     LIMIT $3) AS i
             WHERE i.type <> $2
             GROUP BY i.tenant_id, i.instance_id
             ORDER BY min(i.accepted_at)
             LIMIT $1
            """,
            limit,
            START,
            look,
        )
        await failpoint("due.inbox.after")
        return [InstanceKey(*row) for row in rows]

    async def forget_answers(self, keep: timedelta, at_once: int) -> int:
        await failpoint("due.forget.before")
        gone: int = await self._pool.fetchval("SELECT foliot.forget_answers($1, $2)", keep, at_once)
        await failpoint("due.forget.after")
        return gone

    async def sweep(self) -> None:
        await failpoint("due.sweep.before")
        # A month that cannot be made now is no error; see the function.
        await self._end_leases_of_closed_tasks()
        await self._forget_sessions()
        await self._pool.execute("SELECT foliot.ensure_history_partitions()")
        await failpoint("due.sweep.after")

    async def _end_leases_of_closed_tasks(self) -> None:
        """Also under sessions that live, once their executors had the time to stop."""
        await self._pool.execute(
            """
            DELETE FROM foliot.lease l
             WHERE l.ctid = ANY (ARRAY(
                     SELECT o.ctid
                       FROM foliot.lease o
                       JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
                      WHERE t.completed_at <= (SELECT foliot.now()) - $1::interval
                      LIMIT $2))
            """,
            STOP_WITHIN,
            SWEPT_AT_ONCE,
        )

    async def _forget_sessions(self) -> None:
        await self._pool.execute(
            """
            DELETE FROM foliot.executor_session s
             WHERE s.ctid = ANY (ARRAY(
                     SELECT o.ctid FROM foliot.executor_session o
                      WHERE o.expires_at <= (SELECT foliot.now()) - $1::interval
                        AND NOT EXISTS (SELECT FROM foliot.lease l
                                         WHERE l.session_id = o.session_id)
                      ORDER BY o.expires_at LIMIT $2))
            """,
            FORGET_SESSIONS_AFTER,
            SWEPT_AT_ONCE,
        )
