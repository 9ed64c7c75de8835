"""Claiming through the functions that executors call too (migrations/sql)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg

from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.adapters.postgres.rows import Row
from control_plane.ports.claims import Beat, HeldTask, SessionExpired
from control_plane.ports.instance_store import TaskKey
from shared.failpoints import failpoint
from shared.ids import InstanceId, SessionId, TenantId
from shared.json import load
from shared.tasks import ClaimedTask, TaskType

SESSION_EXPIRED = "FO001"
"""
What foliot.claim raises for a session that is over (migrations/sql/0002_claim.sql), and
foliot.extend_session for one from before a restore (0013_extend_session.sql).
"""


class PostgresClaims:
    """Its pool must act as ACROSS_ROLE (shared/postgres/session.py)."""

    def __init__(self, across: asyncpg.Pool) -> None:
        self._pool = ReachedPool(across)

    async def extend(
        self, session_id: SessionId, name: str, tenant_id: TenantId | None, ttl: timedelta
    ) -> datetime:
        await failpoint("claims.extend.before")
        try:
            until: datetime = await self._pool.fetchval(
                "SELECT foliot.extend_session($1, $2, $3, $4)",
                session_id,
                name,
                tenant_id,
                ttl.total_seconds(),
            )
        except asyncpg.PostgresError as error:
            if error.sqlstate == SESSION_EXPIRED:
                raise SessionExpired(
                    f"session {session_id} is from before the database was restored; let go of"
                    " what it held, and begin a new session"
                ) from None
            raise
        await failpoint("claims.extend.after")
        return until

    async def claim(
        self,
        session_id: SessionId,
        *,
        queues: Sequence[str],
        types: Sequence[TaskType],
        max_tasks: int,
        after: TenantId | None,
    ) -> Sequence[ClaimedTask]:
        await failpoint("claims.claim.before")
        try:
            rows = await self._pool.fetch(
                "SELECT c.* FROM foliot.claim($1, $2, $3, $4, $5) c",
                session_id,
                queues,
                types,
                max_tasks,
                after or "",
            )
        except asyncpg.PostgresError as error:
            if error.sqlstate == SESSION_EXPIRED:
                raise SessionExpired(
                    f"session {session_id} has expired or was never opened; what it held is for"
                    " others to claim: begin a new session"
                ) from None
            raise
        await failpoint("claims.claim.after")
        return [_claimed_task(row) for row in rows]

    async def held(self, session_id: SessionId, limit: int) -> frozenset[HeldTask]:
        rows = await self._pool.fetch(
            """
            SELECT l.instance_id, l.ordinal, l.epoch
              FROM foliot.lease l WHERE l.session_id = $1 LIMIT $2
            """,
            session_id,
            limit,
        )
        return frozenset(HeldTask(*row) for row in rows)

    async def still_held(
        self, tasks: Sequence[tuple[TenantId, HeldTask]]
    ) -> frozenset[tuple[TenantId, HeldTask]]:
        rows = await self._pool.fetch(
            """
            SELECT k.tenant_id, k.instance_id, k.ordinal, k.epoch
              FROM unnest($1::text[], $2::uuid[], $3::int[], $4::int[])
                   AS k(tenant_id, instance_id, ordinal, epoch)
             CROSS JOIN LATERAL (
               SELECT FROM foliot.lease l
                WHERE l.tenant_id = k.tenant_id AND l.instance_id = k.instance_id
                  AND l.ordinal = k.ordinal AND l.epoch = k.epoch OFFSET 0) AS l
             CROSS JOIN LATERAL (
               SELECT FROM foliot.task t
                WHERE t.tenant_id = k.tenant_id AND t.instance_id = k.instance_id
                  AND t.ordinal = k.ordinal AND t.completed_at IS NULL OFFSET 0) AS t
            """,
            [tenant_id for tenant_id, _ in tasks],
            [task.instance_id for _, task in tasks],
            [task.ordinal for _, task in tasks],
            [task.epoch for _, task in tasks],
        )
        return frozenset((row["tenant_id"], HeldTask(*row[1:])) for row in rows)

    async def beat(self, beats: Sequence[Beat]) -> None:
        await failpoint("claims.beat.before")
        # Locks rows of `lease`, in the order of their keys.
        await self._pool.execute(
            """
            WITH heard AS MATERIALIZED (
              SELECT l.place, k.progress, t.heartbeat_s
                FROM unnest($1::text[], $2::uuid[], $3::int[], $4::int[], $5::text[])
                     AS k(tenant_id, instance_id, ordinal, epoch, progress)
               CROSS JOIN LATERAL (
                 SELECT l.ctid AS place FROM foliot.lease l
                  WHERE l.tenant_id = k.tenant_id AND l.instance_id = k.instance_id
                    AND l.ordinal = k.ordinal AND l.epoch = k.epoch
                    FOR UPDATE OFFSET 0) AS l
               CROSS JOIN LATERAL (
                 SELECT t.heartbeat_s FROM foliot.task t
                  WHERE t.tenant_id = k.tenant_id AND t.instance_id = k.instance_id
                    AND t.ordinal = k.ordinal OFFSET 0) AS t)
            UPDATE foliot.lease l
               SET silent_at = (SELECT foliot.now()) + make_interval(secs => h.heartbeat_s),
                   progress = coalesce(h.progress::json, l.progress)
              FROM heard h
             WHERE l.ctid = h.place
            """,
            *(list(column) for column in _columns(beats)),
        )

    async def holders(self, tasks: Sequence[TaskKey]) -> Mapping[SessionId, Sequence[HeldTask]]:
        await failpoint("claims.holders.before")
        rows = await self._pool.fetch(
            """
            SELECT l.session_id, l.instance_id, l.ordinal, l.epoch
              FROM unnest($1::text[], $2::uuid[], $3::int[]) AS k(tenant_id, instance_id, ordinal)
             CROSS JOIN LATERAL (
               SELECT * FROM foliot.lease l
                WHERE l.tenant_id = k.tenant_id AND l.instance_id = k.instance_id
                  AND l.ordinal = k.ordinal OFFSET 0) AS l
            """,
            [task.tenant_id for task in tasks],
            [task.instance_id for task in tasks],
            [task.ordinal for task in tasks],
        )
        found: defaultdict[SessionId, list[HeldTask]] = defaultdict(list)
        for session_id, *held in rows:
            found[session_id].append(HeldTask(*held))
        return found

    async def close(self, session_id: SessionId) -> None:
        await failpoint("claims.close.before")
        await self._pool.execute("SELECT foliot.close_session($1)", session_id)
        await failpoint("claims.close.after")


def _columns(beats: Sequence[Beat]) -> Iterator[tuple[object, ...]]:
    in_order = sorted(beats, key=lambda beat: (beat.tenant_id, beat.task))
    return zip(*((one.tenant_id, *one.task, one.progress) for one in in_order), strict=True)


def _claimed_task(row: Row) -> ClaimedTask:
    return ClaimedTask(
        tenant_id=row["tenant_id"],
        instance_id=InstanceId(row["instance_id"]),
        ordinal=row["ordinal"],
        epoch=row["epoch"],
        attempt=row["attempt"],
        max_attempts=row["max_attempts"],
        definition_key=row["definition_key"],
        name=row["name"],
        type=TaskType(row["type"]),
        function=row["function"],
        queue=row["queue"],
        input=load(row["input"]),
        idempotency_key=row["idempotency_key"],
        run_at=row["run_at"],
        timeout=None if row["timeout_s"] is None else timedelta(seconds=row["timeout_s"]),
        trace_parent=row["trace_parent"],
        last_progress=None if row["last_progress"] is None else load(row["last_progress"]),
    )
