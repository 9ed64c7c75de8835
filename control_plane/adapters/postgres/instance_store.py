"""
The orchestrator's store on PostgreSQL: plain SELECTs before a turn, one statement after it.

Measured here (2 cores, PostgreSQL 18, fsync on): see docs/decisions/0003.
"""

from collections.abc import Sequence

import asyncpg

from control_plane.adapters.postgres import read_batch, write_batch
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.adapters.postgres.rows import instance_of, task_of, with_people
from control_plane.ports.instance_store import (
    BusinessKey,
    Change,
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
from control_plane.ports.records import Instance, InstanceKey, Task
from shared.failpoints import failpoint

_KEYED = {"idempotency", "business_key", "instance"}
_PAST = "history"


class PostgresInstanceStore:
    """Its pool must act as ACROSS_ROLE and plan with HOT_PLANS (shared/postgres/session.py)."""

    def __init__(self, across: asyncpg.Pool) -> None:
        self._pool = ReachedPool(across)

    async def read(self, wanted: Wanted) -> Read:
        async with self._pool.connection() as connection:
            await failpoint("store.read.before")
            rows = await connection.fetch(read_batch.INSTANCES, *_columns(wanted.instances, 2))
            await failpoint("store.read.instances")
            now = rows[0]["now"]
            instances: dict[InstanceKey, Instance] = {}
            with_inbox: list[InstanceKey] = []
            for row in rows:
                if row["instance_id"] is not None:
                    instance = instance_of(row)
                    instances[instance.key] = instance
                    if row["has_inbox"]:
                        with_inbox.append(instance.key)
            return Read(
                now=now,
                instances=instances,
                tasks=await _tasks(connection, wanted.tasks, wanted.with_people),
                definitions=await _definitions(connection, wanted.definitions),
                answers=await _answers(connection, wanted.idempotency),
                holders=await _holders(connection, wanted.business_keys),
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
                kept = await connection.fetchval(text, *values)
                await failpoint("store.write.after")
        except asyncpg.UniqueViolationError as error:
            # Of an instance that exists by now, its history's partition may say so first.
            if error.table_name not in _KEYED and not error.table_name.startswith(_PAST):
                raise WriteRefused(str(error)) from error
            raise KeyTaken(
                "another request took the same business key, event id or request id at this"
                " moment; send it again"
            ) from error
        except (asyncpg.PostgresError, ValueError) as error:
            raise WriteRefused(str(error)) from error
        return frozenset(
            change.key for change, is_kept in zip(ordered, kept, strict=True) if is_kept
        )


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


async def _definitions(
    connection: asyncpg.Connection, wanted: Sequence[DefinitionName]
) -> dict[DefinitionName, DefinitionRef]:
    if not wanted:
        return {}
    rows = await connection.fetch(read_batch.DEFINITIONS, *_columns(wanted, 4))
    await failpoint("store.read.definitions")
    return {
        wanted[row["n"] - 1]: DefinitionRef(
            definition_id=row["definition_id"],
            key=row["key"],
            version=row["version"],
            status=row["status"],
            spec_hash=row["spec_hash"],
        )
        for row in rows
    }


async def _answers(
    connection: asyncpg.Connection, wanted: Sequence[IdempotencyKey]
) -> dict[IdempotencyKey, StoredAnswer]:
    if not wanted:
        return {}
    rows = await connection.fetch(read_batch.ANSWERS, *_columns(wanted, 3))
    await failpoint("store.read.answers")
    return {
        IdempotencyKey(row["tenant_id"], row["scope"], row["key"]): StoredAnswer(
            fingerprint=row["fingerprint"], answer=row["answer"]
        )
        for row in rows
    }


async def _holders(
    connection: asyncpg.Connection, wanted: Sequence[BusinessKey]
) -> dict[BusinessKey, KeyHolder]:
    if not wanted:
        return {}
    rows = await connection.fetch(read_batch.HOLDERS, *_columns(wanted, 3))
    await failpoint("store.read.holders")
    return {
        BusinessKey(row["tenant_id"], row["definition_key"], row["business_key"]): KeyHolder(
            row["instance_id"],
            row["status"],
            row["revision"],
            row["current_state"],
            row["takings"],
        )
        for row in rows
    }


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
