"""
The orchestrator's store on PostgreSQL: plain SELECTs before a turn, one statement after it.

Measured here (2 cores, PostgreSQL 18, fsync on): see docs/decisions/0003.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg

from control_plane.adapters.postgres import read_batch, write_batch
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.adapters.postgres.rows import instance_of, task_of, with_people
from control_plane.ports.instance_store import (
    BusinessKey,
    Change,
    Decider,
    DefinitionName,
    DefinitionRef,
    IdempotencyKey,
    InboxEvent,
    KeyHolder,
    KeyTaken,
    Read,
    StoredAnswer,
    TaskKey,
    Wanted,
    WriteRefused,
)
from control_plane.ports.people import separated_from
from control_plane.ports.records import Instance, InstanceKey, Task
from shared.failpoints import failpoint

BORN = """
SELECT FROM unnest($1::text[], $2::uuid[]) AS k(tenant_id, instance_id)
  JOIN foliot.instance i USING (tenant_id, instance_id)
 LIMIT 1
"""

_KEYED = {"idempotency", "business_key", "instance"}

KEPT_CONNECTIONS = 2
"""Turns under way; should there be more, they use the pool."""

LATELY_S = 0.03
"""For so long after a write was sent, its time tells what time it is."""


class _Lately:
    """
    What time it is by the last write, if that was just now.

    It counts from when the write was sent, and so may be ahead of the database's clock by up to
    LATELY_S, never behind: a timer that is armed by it comes no earlier than it should.
    """

    def __init__(self) -> None:
        self._then: datetime | None = None
        self._sent_at = 0.0

    def was(self, then: datetime, sent_at: float) -> None:
        self._then = then
        self._sent_at = sent_at

    def now(self) -> datetime | None:
        since = time.monotonic() - self._sent_at
        if self._then is None or since > LATELY_S:
            return None
        return self._then + timedelta(seconds=since)


class PostgresInstanceStore:
    """Its pool must act as ACROSS_ROLE and plan with HOT_PLANS (shared/postgres/session.py)."""

    def __init__(self, across: asyncpg.Pool) -> None:
        self._pool = ReachedPool(across, keeps=KEPT_CONNECTIONS)
        self._lately = _Lately()

    async def close(self) -> None:
        """Before the pool is closed."""
        await self._pool.close()

    async def read(self, wanted: Wanted) -> Read:
        now = self._lately.now() if wanted.is_nothing else None
        if now is not None:
            return Read(now=now)
        async with self._pool.connection() as connection:
            await failpoint("store.read.before")
            instances: dict[InstanceKey, Instance] = {}
            with_inbox: list[InstanceKey] = []
            if wanted.instances or not wanted.has_names:
                rows = await connection.fetch(read_batch.INSTANCES, *_columns(wanted.instances, 2))
                await failpoint("store.read.instances")
                now = rows[0]["now"]
                for row in rows:
                    if row["instance_id"] is not None:
                        instance = instance_of(row)
                        instances[instance.key] = instance
                        if row["has_inbox"]:
                            with_inbox.append(instance.key)
            names = await _names(connection, wanted)
            now = now or names.now
            assert now is not None
            tasks = await _tasks(connection, wanted.tasks, wanted.with_people)
            return Read(
                now=now,
                instances=instances,
                tasks=tasks,
                deciders=await _deciders(
                    connection, [tasks.get(one) for one in wanted.with_people]
                ),
                definitions=names.definitions,
                answers=names.answers,
                holders=names.holders,
                inbox=await _inbox(connection, with_inbox),
            )

    async def write(self, changes: Sequence[Change]) -> frozenset[InstanceKey]:
        if not changes:
            return frozenset()
        ordered = sorted(changes, key=lambda change: change.expected_revision != 0)
        try:
            async with self._pool.connection() as connection:
                await failpoint("store.write.before")
                text, values = write_batch.statement_of(ordered)
                sent_at = time.monotonic()
                row = await connection.fetchrow(text, *values)
                self._lately.was(row["now"], sent_at)
                await failpoint("store.write.after")
        except asyncpg.UniqueViolationError as error:
            # Of an instance that exists by now, any row of it may say so first.
            if error.table_name not in _KEYED and not await self._is_born(changes):
                raise WriteRefused(str(error)) from error
            raise KeyTaken(
                "another request took the same business key, event id or request id at this"
                " moment; send it again"
            ) from error
        except (asyncpg.PostgresError, ValueError) as error:
            raise WriteRefused(str(error)) from error
        return frozenset(
            change.key for change, is_kept in zip(ordered, row["kept"], strict=True) if is_kept
        )

    async def _is_born(self, changes: Sequence[Change]) -> bool:
        """Whether an instance that is to be born is there already."""
        new = [change.key for change in changes if not change.expected_revision]
        if not new:
            return False
        async with self._pool.connection() as connection:
            return bool(await connection.fetch(BORN, *_columns(new, 2)))


async def _tasks(
    connection: asyncpg.Connection, wanted: Sequence[TaskKey], people: Sequence[TaskKey]
) -> dict[TaskKey, Task]:
    if not wanted:
        return {}
    rows = await connection.fetch(read_batch.TASKS, *_columns(wanted, 3))
    await failpoint("store.read.tasks")
    found = {
        TaskKey(row["tenant_id"], row["instance_id"], row["ordinal"]): task_of(row) for row in rows
    }
    if people:
        for row in await connection.fetch(read_batch.PEOPLE, *_columns(people, 3)):
            key = TaskKey(row["tenant_id"], row["instance_id"], row["ordinal"])
            if key in found:
                found[key] = with_people(found[key], row)
    return found


async def _deciders(
    connection: asyncpg.Connection, tasks: Sequence[Task | None]
) -> dict[InstanceKey, frozenset[Decider]]:
    """Read after the tasks that they may not decide: who is added since changes the instance."""
    asked = [
        (task.tenant_id, task.instance_id, name)
        for task in tasks
        if task is not None
        for name in separated_from(task.terms)
    ]
    if not asked:
        return {}
    rows = await connection.fetch(read_batch.DECIDERS, *_columns(asked, 3))
    await failpoint("store.read.deciders")
    found: dict[InstanceKey, frozenset[Decider]] = {}
    for row in rows:
        key = InstanceKey(row["tenant_id"], row["instance_id"])
        found[key] = found.get(key, frozenset()) | {Decider(row["task"], row["person"])}
    return found


@dataclass(slots=True)
class _Names:
    """What was found by name, and what time it was if anything was looked for."""

    now: datetime | None = None
    definitions: dict[DefinitionName, DefinitionRef] = field(default_factory=dict)
    answers: dict[IdempotencyKey, StoredAnswer] = field(default_factory=dict)
    holders: dict[BusinessKey, KeyHolder] = field(default_factory=dict)


async def _names(connection: asyncpg.Connection, wanted: Wanted) -> _Names:
    if not wanted.has_names:
        return _Names()
    rows = await connection.fetch(
        read_batch.NAMES,
        *_columns(wanted.definitions, 4),
        *_columns(wanted.idempotency, 3),
        *_columns(wanted.business_keys, 3),
    )
    await failpoint("store.read.names")
    found = _Names(rows[0]["now"])
    for row in rows:
        match row["kind"]:
            case "definition":
                found.definitions[wanted.definitions[row["n"] - 1]] = DefinitionRef(
                    definition_id=row["id"],
                    key=row["name"],
                    version=row["number"],
                    status=row["status"],
                    spec_hash=row["hash"],
                )
            case "answer":
                found.answers[wanted.idempotency[row["n"] - 1]] = StoredAnswer(
                    fingerprint=row["hash"], answer=row["value"]
                )
            case "holder":
                found.holders[wanted.business_keys[row["n"] - 1]] = KeyHolder(
                    row["id"], row["status"], row["number"], row["value"], row["takings"]
                )
    return found


async def _inbox(
    connection: asyncpg.Connection, wanted: Sequence[InstanceKey]
) -> dict[InstanceKey, list[InboxEvent]]:
    found: dict[InstanceKey, list[InboxEvent]] = {}
    if not wanted:
        return found
    rows = await connection.fetch(read_batch.INBOX, *_columns(wanted, 2))
    await failpoint("store.read.inbox")
    for row in rows:
        found.setdefault(InstanceKey(row["tenant_id"], row["instance_id"]), []).append(
            InboxEvent(
                position=row["position"],
                event_id=row["event_id"],
                type=row["type"],
                payload=row["payload"],
                accepted_at=row["accepted_at"],
                deferred_at=row["deferred_at"],
                known=row["known"],
            )
        )
    return found


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
