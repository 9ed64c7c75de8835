"""
The examination on PostgreSQL: bounded reads, in slices, each of one instant.

A slice is read in one REPEATABLE READ transaction, so that a system at work is seen whole;
it takes no lock, and is short, as an old snapshot would slow down everybody else's claims.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from control_plane.adapters.postgres.doctor_checks import (
    CHECKS,
    CHILDREN,
    LATE_SCHEDULES,
    LIVE_OR_TELLING,
    READY,
)
from control_plane.adapters.postgres.doctor_database import DATABASE
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.adapters.postgres.rows import entry_of, instance_of
from control_plane.ports.doctor import FIRST, LAST, Examined, Finding, Past, Slice
from control_plane.ports.records import HistoryEntry, TaskStatus
from shared.ids import InstanceId, TenantId, child_instance_id, idempotency_key

MAX_INSTANCES = 500
"""In a slice, at most."""

MAX_ENTRIES = 50_000
"""Of history in a slice; an instance that has more alone is not replayed."""

MAX_FINDINGS = 100
"""Of one check in one slice: who finds so many has seen enough."""

MAX_READY = 5_000
"""Claimable tasks in one look."""

_BEFORE_ALL = (datetime.min.replace(tzinfo=UTC), FIRST, 0)

INSTANCES = """
SELECT i.* FROM foliot.instance i
 WHERE i.tenant_id = $1 AND i.instance_id > $2 AND i.instance_id <= $3
 ORDER BY i.instance_id
"""

TASKS = """
SELECT t.instance_id, t.ordinal, t.status FROM foliot.task t
 WHERE t.tenant_id = $1 AND t.instance_id > $2 AND t.instance_id <= $3
"""

KEYS = """
SELECT t.instance_id, t.ordinal, t.idempotency_key, t.completed_at IS NULL AS is_open
  FROM foliot.task t
 WHERE t.tenant_id = $1 AND t.instance_id > $2 AND t.instance_id <= $3
 ORDER BY t.instance_id, t.ordinal
"""

TIMERS = """
SELECT r.instance_id, r.timer_id, r.due FROM foliot.timer r
 WHERE r.tenant_id = $1 AND r.instance_id > $2 AND r.instance_id <= $3
"""

INBOX = """
SELECT b.instance_id, count(*) FROM foliot.inbox b
 WHERE b.tenant_id = $1 AND b.instance_id > $2 AND b.instance_id <= $3
 GROUP BY b.instance_id
"""

HISTORY = """
SELECT h.instance_id, h.seq, h.type, h.ordinal, h.payload, h.hash, h.created_at
  FROM foliot.history h
 WHERE h.tenant_id = $1 AND h.instance_id = ANY ($2::uuid[])
 ORDER BY h.instance_id, h.seq
 LIMIT $3
"""


class PostgresDoctor:
    def __init__(
        self,
        pool: asyncpg.Pool,
        across: asyncpg.Pool,
        *,
        max_instances: int = MAX_INSTANCES,
        max_entries: int = MAX_ENTRIES,
    ) -> None:
        """`across` acts as ACROSS_ROLE: it tells which tenants there are."""
        self._pool = ReachedPool(pool)
        self._across = ReachedPool(across)
        self._max_instances = max_instances
        self._max_entries = max_entries

    async def look(self, check: str, now: datetime, patience: timedelta) -> Sequence[str]:
        return [
            row["detail"]
            for row in await self._across.fetch(
                DATABASE[check],
                *([now] if check == "clock" else []),
                *([patience] if check == "executors" else []),
            )
        ]

    async def tenants(self) -> Sequence[TenantId]:
        rows = await self._across.fetch("SELECT t.tenant_id FROM foliot.tenant t ORDER BY 1")
        return [TenantId(row["tenant_id"]) for row in rows]

    async def next_slice(self, tenant_id: TenantId, after: InstanceId) -> Slice:
        rows = await self._pool.of(tenant_id).fetch(
            """
            SELECT i.instance_id, i.seq FROM foliot.instance i
             WHERE i.tenant_id = $1 AND i.instance_id > $2
             ORDER BY i.instance_id LIMIT $3
            """,
            tenant_id,
            after,
            self._max_instances,
        )
        count = entries = 0
        for row in rows:
            entries += row["seq"]
            if count and entries > self._max_entries:
                return Slice(tenant_id, after, rows[count - 1]["instance_id"], count)
            count += 1
        until = rows[-1]["instance_id"] if count == self._max_instances else LAST
        return Slice(tenant_id, after, until, count)

    async def examine(self, slice_: Slice, patience: timedelta) -> Examined:
        bounds = (slice_.tenant_id, slice_.after, slice_.until)
        tenants = self._pool.of(slice_.tenant_id)
        async with tenants.transaction("repeatable_read") as connection:
            findings = [
                Finding(
                    invariant=check.invariant,
                    tenant_id=slice_.tenant_id,
                    instance_id=row["instance_id"],
                    ordinal=row["ordinal"],
                    message=row["detail"],
                )
                for check in CHECKS
                for row in await connection.fetch(
                    check.statement,
                    *bounds,
                    MAX_FINDINGS,
                    *([patience] if check.is_patient else []),
                )
            ]
            findings += await self._childless(connection, bounds, patience)
            findings += await self._miskeyed(connection, bounds)
            return Examined(findings=findings, pasts=await self._pasts(connection, bounds))

    async def strays(self, tenant_id: TenantId, patience: timedelta) -> Sequence[Finding]:
        findings = await self._late_schedules(tenant_id, patience)
        place: tuple[object, ...] = _BEFORE_ALL
        while True:
            rows = await self._pool.of(tenant_id).fetch(
                READY, tenant_id, *place, MAX_READY, patience
            )
            findings += [
                Finding(
                    invariant="I3",
                    tenant_id=tenant_id,
                    instance_id=row["instance_id"],
                    ordinal=row["ordinal"],
                    message=row["detail"],
                )
                for row in rows
                if row["detail"] is not None
            ]
            if len(rows) < MAX_READY or len(findings) >= MAX_FINDINGS:
                return findings
            place = tuple(rows[-1])[:3]

    async def _late_schedules(self, tenant_id: TenantId, patience: timedelta) -> list[Finding]:
        rows = await self._pool.of(tenant_id).fetch(
            LATE_SCHEDULES, tenant_id, MAX_FINDINGS, patience
        )
        return [
            Finding(
                invariant="I25",
                tenant_id=tenant_id,
                instance_id=None,
                ordinal=None,
                message=row["detail"],
            )
            for row in rows
        ]

    async def _childless(
        self,
        connection: asyncpg.Connection,
        bounds: tuple[TenantId, InstanceId, InstanceId],
        patience: timedelta,
    ) -> list[Finding]:
        """Tasks that stand for a child, where there is none that could still end them."""
        waiting = {
            child_instance_id(instance_id, ordinal): (instance_id, ordinal)
            for instance_id, ordinal in await connection.fetch(CHILDREN, *bounds, patience)
        }
        alive = await connection.fetch(LIVE_OR_TELLING, bounds[0], list(waiting))
        for row in alive:
            del waiting[row["instance_id"]]
        return [
            Finding(
                invariant="I9",
                tenant_id=bounds[0],
                instance_id=instance_id,
                ordinal=ordinal,
                message=f"it waits for its child {child}, which is not there, or has ended",
            )
            for child, (instance_id, ordinal) in waiting.items()
        ]

    async def _miskeyed(
        self,
        connection: asyncpg.Connection,
        bounds: tuple[TenantId, InstanceId, InstanceId],
    ) -> list[Finding]:
        """
        Tasks whose idempotency key is neither their own nor that of an earlier one which they
        repeat: one of their instance, that is no more open if they are. An own key is derived from
        the task's id, so no two tasks have the same.
        """
        findings: list[Finding] = []
        openness: dict[tuple[InstanceId, UUID], bool] = {}
        for instance_id, ordinal, key, is_open in await connection.fetch(KEYS, *bounds):
            was_open = openness.get((instance_id, key))
            openness[instance_id, key] = bool(was_open) or is_open
            is_own = key == idempotency_key(instance_id, ordinal)
            if is_own if was_open is None else not (was_open and is_open):
                continue
            findings.append(
                Finding(
                    invariant="I22",
                    tenant_id=bounds[0],
                    instance_id=instance_id,
                    ordinal=ordinal,
                    message=f"its idempotency key {key} is neither its own nor that of a task which"
                    " it repeats",
                )
            )
        return findings[:MAX_FINDINGS]

    async def _pasts(
        self, connection: asyncpg.Connection, bounds: tuple[TenantId, InstanceId, InstanceId]
    ) -> list[Past]:
        instances = [instance_of(row) for row in await connection.fetch(INSTANCES, *bounds)]
        tasks: defaultdict[InstanceId, dict[int, TaskStatus]] = defaultdict(dict)
        for instance_id, ordinal, status in await connection.fetch(TASKS, *bounds):
            tasks[instance_id][ordinal] = status
        timers: defaultdict[InstanceId, dict[str, datetime]] = defaultdict(dict)
        for instance_id, timer_id, due in await connection.fetch(TIMERS, *bounds):
            timers[instance_id][timer_id] = due
        inbox: dict[InstanceId, int] = dict(await connection.fetch(INBOX, *bounds))
        short = [one.instance_id for one in instances if one.seq <= self._max_entries]
        entries: defaultdict[InstanceId, list[HistoryEntry]] = defaultdict(list)
        for row in await connection.fetch(HISTORY, bounds[0], short, 2 * self._max_entries):
            entries[row["instance_id"]].append(entry_of(row))
        return [
            Past(
                instance=one,
                entries=entries[one.instance_id] if one.seq <= self._max_entries else None,
                tasks=tasks[one.instance_id],
                timers=timers[one.instance_id],
                inbox=inbox.get(one.instance_id, 0),
            )
            for one in instances
        ]
