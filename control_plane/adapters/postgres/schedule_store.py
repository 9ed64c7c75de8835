"""
Schedules in PostgreSQL. Time is the database's, taken once a statement.

What is written is found by key and step under SKIP LOCKED: nobody waits for another's write, so
two that write the same schedules in different orders cannot deadlock.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

import asyncpg

from control_plane.adapters.postgres.audit_log import noting
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.ports.audit import Noted, Target
from control_plane.ports.records import JsonText
from control_plane.ports.schedule_store import (
    MAX_RUNNING,
    AheadOfSchedules,
    Firing,
    Found,
    Schedule,
    ScheduleKey,
    ScheduleSpec,
)
from shared import json
from shared.errors import LimitExceeded
from shared.failpoints import failpoint
from shared.ids import InstanceId, TenantId, parse_uuid

_FOUND = f"""
SELECT s.*, foliot.now() AS now,
       ARRAY(SELECT i.instance_id
               FROM foliot.instance i
              WHERE i.tenant_id = s.tenant_id AND i.schedule_id = s.schedule_id
                AND i.completed_at IS NULL
              ORDER BY i.started_at, i.instance_id
              LIMIT {MAX_RUNNING}) AS running
"""  # noqa: S608 - a number of ours

DUE = f"""
WITH instant AS MATERIALIZED (SELECT foliot.now() AS now),
suspended AS MATERIALIZED (
  SELECT t.tenant_id FROM foliot.tenant t WHERE t.suspended_at IS NOT NULL),
awake AS (
  SELECT * FROM foliot.schedule s
   WHERE s.wakes_at <= (SELECT now FROM instant)
     AND s.tenant_id NOT IN (SELECT tenant_id FROM suspended)
   ORDER BY s.wakes_at
   LIMIT $1),
waiting AS (
  SELECT * FROM foliot.schedule s
   WHERE s.buffered_at IS NOT NULL AND s.firing IS NULL
     AND s.tenant_id NOT IN (SELECT tenant_id FROM suspended)
     AND (s.wakes_at IS NULL OR s.wakes_at > (SELECT now FROM instant))
     AND NOT EXISTS (
           SELECT FROM foliot.instance i
            WHERE i.tenant_id = s.tenant_id AND i.schedule_id = s.schedule_id
              AND i.completed_at IS NULL)
   LIMIT $1)
{_FOUND}
  FROM (SELECT * FROM awake UNION ALL SELECT * FROM waiting) AS s
 ORDER BY s.wakes_at
"""  # noqa: S608 - statements of ours

PUT = """
WITH given AS MATERIALIZED (
  SELECT * FROM unnest(
    $1::text[], $2::text[], $3::uuid[], $4::bigint[], $5::bigint[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::interval[], $13::interval[],
    $14::text[], $15::timestamptz[], $16::text[], $17::timestamptz[], $18::timestamptz[],
    $19::timestamptz[], $20::text[], $21::timestamptz[], $22::timestamptz[], $23::uuid[],
    $24::text[], $25::timestamptz[], $26::bigint[], $27::bigint[], $28::bigint[],
    $29::timestamptz[])
  AS g(tenant_id, schedule_id, incarnation, step, revision, cron, time_zone, definition_key,
       input, labels, overlap, catch_up, jitter, description, paused_at, pause_reason, next_at,
       due_at, buffered_at, firing, wakes_at, last_at, last_instance_id, last_error,
       last_missed_at, starts, skips, failures, updated_at)),
locked AS MATERIALIZED (
  SELECT g.*, s.ctid AS place
    FROM given g
    JOIN foliot.schedule s USING (tenant_id, schedule_id, incarnation, step)
     FOR NO KEY UPDATE OF s SKIP LOCKED)
UPDATE foliot.schedule s
   SET step = l.step + 1, revision = l.revision, cron = l.cron, time_zone = l.time_zone,
       definition_key = l.definition_key, input = l.input::json, labels = l.labels::json,
       overlap = l.overlap, catch_up = l.catch_up, jitter = l.jitter,
       description = l.description, paused_at = l.paused_at, pause_reason = l.pause_reason,
       next_at = l.next_at, due_at = l.due_at, buffered_at = l.buffered_at,
       firing = l.firing::json, wakes_at = l.wakes_at, last_at = l.last_at,
       last_instance_id = l.last_instance_id, last_error = l.last_error::json,
       last_missed_at = l.last_missed_at, starts = l.starts, skips = l.skips,
       failures = l.failures, updated_at = l.updated_at
  FROM locked l
 WHERE s.ctid = l.place
RETURNING s.tenant_id, s.schedule_id
"""


# All that callers say of it, and a start that was decided: a trigger changes nothing else.
HASH = """
SELECT sha256(convert_to(row(
         s.incarnation, s.cron, s.time_zone, s.definition_key, s.input, s.labels, s.overlap,
         s.catch_up, s.jitter, s.description, s.paused_at, s.firing)::text, 'UTF8'))
  FROM foliot.schedule s WHERE s.tenant_id = $1 AND s.schedule_id = $2
"""


# Of all schedules, of those of a definition, of the paused ones and of the others; for each
# there is an index.
LISTS = {
    by: f"""
SELECT s.*
  FROM foliot.schedule s
 WHERE s.tenant_id = $1 AND s.schedule_id > $2 AND {condition}
   AND ($3::text IS NULL OR s.definition_key = $3)
   AND ($4::boolean IS NULL OR (s.paused_at IS NOT NULL) = $4)
 ORDER BY s.schedule_id
 LIMIT $5
"""  # noqa: S608 - statements of ours
    for by, condition in (
        (None, "true"),
        ("definition", "s.definition_key = $3"),
        (True, "s.paused_at IS NOT NULL"),
        (False, "s.paused_at IS NULL"),
    )
}


class PostgresScheduleStore:
    def __init__(self, pool: asyncpg.Pool, across: asyncpg.Pool) -> None:
        """`across` acts as ACROSS_ROLE: what the loop asks for is of every tenant."""
        self._pool = ReachedPool(pool)
        self._across = ReachedPool(across)

    async def now(self) -> datetime:
        now: datetime = await self._pool.fetchval("SELECT foliot.now()")
        return now

    async def create(self, schedule: Schedule, *, most: int, noted: Noted | None = None) -> bool:
        async with self._noting(noted, schedule.key) as connection:
            created = await connection.fetchval(
                """
                INSERT INTO foliot.schedule (
                       tenant_id, schedule_id, incarnation, step, revision, cron, time_zone,
                       definition_key, input, labels, overlap, catch_up, jitter, description,
                       paused_at, pause_reason, next_at, due_at, buffered_at, firing, wakes_at,
                       last_at, last_instance_id, last_error, last_missed_at, starts, skips,
                       failures, updated_at, created_by, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                        $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31)
                ON CONFLICT (tenant_id, schedule_id) DO NOTHING
                RETURNING true
                """,
                *_values(schedule),
                schedule.created_by,
                schedule.created_at,
            )
            count = await connection.fetchval(
                "SELECT count(*) FROM foliot.schedule s WHERE s.tenant_id = $1", schedule.tenant_id
            )
            if created and count > most:
                # Raised within the transaction, which takes the row back.
                raise LimitExceeded("schedules of a tenant", actual=count, maximum=most)
        return bool(created)

    async def find(self, tenant_id: TenantId, schedule_id: str) -> Found | None:
        row = await self._pool.of(tenant_id).fetchrow(
            f"{_FOUND} FROM foliot.schedule s WHERE s.tenant_id = $1 AND s.schedule_id = $2",
            tenant_id,
            schedule_id,
        )
        return None if row is None else _found(row)

    async def list(
        self,
        tenant_id: TenantId,
        *,
        definition_key: str | None,
        paused: bool | None,
        after: str | None,
        limit: int,
    ) -> Sequence[Schedule]:
        by = "definition" if definition_key is not None else paused
        rows = await self._pool.of(tenant_id).fetch(
            LISTS[by], tenant_id, after or "", definition_key, paused, limit
        )
        return [_schedule(row) for row in rows]

    async def put(
        self, schedules: Sequence[Schedule], *, noted: Noted | None = None
    ) -> frozenset[ScheduleKey]:
        if not schedules:
            return frozenset()
        await failpoint("schedules.put.before")
        columns = [list(column) for column in zip(*map(_values, schedules), strict=True)]
        tenant_id = schedules[0].tenant_id
        if noted is not None:
            async with self._noting(noted, schedules[0].key) as connection:
                rows = await connection.fetch(PUT, *columns)
        else:
            is_of_one = all(one.tenant_id == tenant_id for one in schedules)
            pool = self._pool.of(tenant_id) if is_of_one else self._across
            rows = await pool.fetch(PUT, *columns)
        await failpoint("schedules.put.after")
        return frozenset(ScheduleKey(*row) for row in rows)

    async def delete(
        self, tenant_id: TenantId, schedule_id: str, *, noted: Noted | None = None
    ) -> bool:
        async with self._noting(noted, ScheduleKey(tenant_id, schedule_id)) as connection:
            deleted = await connection.fetchval(
                "DELETE FROM foliot.schedule s WHERE s.tenant_id = $1 AND s.schedule_id = $2"
                " RETURNING true",
                tenant_id,
                schedule_id,
            )
        return bool(deleted)

    def _noting(
        self, noted: Noted | None, key: ScheduleKey
    ) -> AbstractAsyncContextManager[asyncpg.Connection]:
        pool, target = self._pool.of(key.tenant_id), Target("schedule", key.schedule_id)
        return noting(pool, noted, key.tenant_id, target, HASH, *key)

    async def due(self, limit: int) -> Sequence[Found]:
        await failpoint("schedules.due.before")
        return [_found(row) for row in await self._across.fetch(DUE, limit)]

    async def ahead(self) -> AheadOfSchedules:
        (row,) = await self._across.fetch(
            """
            SELECT foliot.now(),
                   (SELECT min(s.wakes_at) FROM foliot.schedule s
                     WHERE s.wakes_at IS NOT NULL
                       AND s.tenant_id NOT IN (SELECT t.tenant_id FROM foliot.tenant t
                                                WHERE t.suspended_at IS NOT NULL))
            """
        )
        return AheadOfSchedules(*row)


def _values(schedule: Schedule) -> tuple[Any, ...]:
    """As the statements want them: what is never changed by `put` is not among them."""
    spec = schedule.spec
    return (
        schedule.tenant_id,
        schedule.schedule_id,
        schedule.incarnation,
        schedule.step,
        schedule.revision,
        spec.cron,
        spec.time_zone,
        spec.definition_key,
        spec.input,
        spec.labels,
        spec.overlap,
        spec.catch_up,
        spec.jitter,
        spec.description,
        schedule.paused_at,
        schedule.pause_reason,
        schedule.next_at,
        schedule.due_at,
        schedule.buffered_at,
        None if schedule.firing is None else _text_of(schedule.firing),
        schedule.wakes_at,
        schedule.last_at,
        schedule.last_instance_id,
        schedule.last_error,
        schedule.last_missed_at,
        schedule.starts,
        schedule.skips,
        schedule.failures,
        schedule.updated_at,
    )


def _found(row: Mapping[str, Any]) -> Found:
    return Found(_schedule(row), tuple(row["running"]), row["now"])


def _schedule(row: Mapping[str, Any]) -> Schedule:
    return Schedule(
        **{name: row[name] for name in _SCHEDULE},
        spec=ScheduleSpec(**{name: row[name] for name in ScheduleSpec.__slots__}),
        firing=None if row["firing"] is None else _firing(row["firing"]),
    )


_SCHEDULE = tuple(name for name in Schedule.__slots__ if name not in {"spec", "firing"})


def _text_of(firing: Firing) -> JsonText:
    return json.dump(
        {
            "nominal": firing.nominal.isoformat(),
            "instance_id": str(firing.instance_id),
            "decided_at": firing.decided_at.isoformat(),
            "stops": [str(one) for one in firing.stops],
            "triggered_by": firing.triggered_by,
            "request_id": firing.request_id,
            "fingerprint": firing.fingerprint.hex(),
        }
    )


def _firing(text: JsonText) -> Firing:
    kept: Any = json.load(text)
    return Firing(
        nominal=datetime.fromisoformat(kept["nominal"]),
        instance_id=_id(kept["instance_id"]),
        decided_at=datetime.fromisoformat(kept["decided_at"]),
        stops=tuple(map(_id, kept["stops"])),
        triggered_by=kept["triggered_by"],
        request_id=kept["request_id"],
        fingerprint=bytes.fromhex(kept["fingerprint"]),
    )


def _id(text: str) -> InstanceId:
    return InstanceId(parse_uuid(text, "instance_id"))
