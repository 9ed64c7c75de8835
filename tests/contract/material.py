"""Instances, tasks and changes for the suites, each unremarkable unless told otherwise."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from control_plane.ports.instance_store import Change, NewTask, Requeued, TaskKey, Wanted
from control_plane.ports.records import (
    HistoryEntry,
    Instance,
    InstanceKey,
    InstanceStatus,
    Lease,
    Task,
)
from shared.ids import (
    DefinitionId,
    InstanceId,
    SessionId,
    TenantId,
    idempotency_key,
    new_instance_id,
    new_uuid7,
)
from shared.json import digest
from shared.tasks import DEFAULT_QUEUE, TaskType
from tests.contract.worlds import ACME, World

DEFINITION = DefinitionId(UUID("01890000-0000-7000-8000-000000000001"))
EVERY_TYPE = tuple(TaskType)


def instance(now: datetime, **values: Any) -> Instance:
    """A running instance that started now."""
    defaults: dict[str, Any] = {
        "tenant_id": ACME,
        "instance_id": new_instance_id(),
        "definition_id": DEFINITION,
        "definition_key": "order",
        "definition_version": 1,
        "business_key": None,
        "status": "running",
        "paused_at": None,
        "revision": 1,
        "seq": 1,
        "history_hash": digest("1"),
        "current_state": '"paying"',
        "context": '{"total":12.5}',
        "snapshot": "{}",
        "idle": "[]",
        "output": None,
        "last_error": None,
        "labels": "{}",
        "parent_instance_id": None,
        "parent_ordinal": None,
        "depth": 0,
        "on_parent_close": None,
        "started_by": "ada",
        "started_at": now,
        "updated_at": now,
        "completed_at": None,
    }
    return Instance(**{**defaults, **values})


def entry(seq: int, now: datetime, **values: Any) -> HistoryEntry:
    defaults: dict[str, Any] = {
        "seq": seq,
        "type": "INSTANCE_STARTED",
        "ordinal": None,
        "payload": f'{{"number":{seq}}}',
        "hash": digest(str(seq)),
        "created_at": now,
    }
    return HistoryEntry(**{**defaults, **values})


def new_task(of: Instance, ordinal: int, **values: Any) -> NewTask:
    """A task of the instance that can be claimed at once."""
    defaults: dict[str, Any] = {
        "ordinal": ordinal,
        "name": "charge",
        "type": TaskType.HTTP,
        "function": None,
        "queue": DEFAULT_QUEUE,
        "priority": 0,
        "run_at": of.updated_at,
        "max_attempts": 3,
        "idempotency_key": idempotency_key(of.instance_id, ordinal),
        "input": '{"amount":12.5}',
        "retry": None,
        "timeout_s": None,
        "schedule_to_start_s": None,
        "heartbeat_s": None,
        "child": None,
        "detached": False,
        "trace_parent": None,
    }
    return NewTask(**{**defaults, **values})


def requeued(ordinal: int, run_at: datetime, **values: Any) -> Requeued:
    defaults: dict[str, Any] = {
        "ordinal": ordinal,
        "type": TaskType.HTTP,
        "queue": DEFAULT_QUEUE,
        "priority": 0,
        "run_at": run_at,
        "attempt": 1,
        "epoch": 1,
    }
    return Requeued(**{**defaults, **values})


def start(after: Instance, **values: Any) -> Change:
    """The change that starts an instance."""
    entries = (entry(1, after.started_at),)
    return Change(**{"after": after, "expected_revision": 0, "entries": entries, **values})


def step(before: Instance, **values: Any) -> Change:
    """The change that takes an instance one revision further, with one more entry."""
    after = replace(
        before,
        revision=before.revision + 1,
        seq=before.seq + 1,
        history_hash=digest(str(before.seq + 1)),
    )
    entries = (entry(after.seq, after.updated_at, type="EVENT_APPLIED"),)
    defaults: dict[str, Any] = {
        "after": after,
        "expected_revision": before.revision,
        "entries": entries,
    }
    return Change(**{**defaults, **values})


def closed(before: Instance, status: InstanceStatus, **values: Any) -> Change:
    """The change that ends an instance."""
    change = step(before, **values)
    ended = replace(change.after, status=status, completed_at=before.updated_at)
    return replace(change, after=ended)


async def stored(world: World, *changes: Change) -> None:
    """Write the changes; all must be kept."""
    kept = await world.store.write(changes)
    assert {change.key for change in changes} == kept


async def started(world: World, tasks: int = 0, **values: Any) -> Instance:
    """A stored instance with so many tasks ready."""
    fresh = instance(await world.now(), **values)
    await stored(
        world,
        start(fresh, new_tasks=[new_task(fresh, ordinal) for ordinal in range(1, tasks + 1)]),
    )
    return fresh


async def found_instance(world: World, key: InstanceKey) -> Instance | None:
    read = await world.store.read(Wanted(instances=[key]))
    return read.instances.get(key)


async def found_task(world: World, of: Instance, ordinal: int) -> Task:
    key = TaskKey(of.tenant_id, of.instance_id, ordinal)
    return (await world.store.read(Wanted(tasks=[key]))).tasks[key]


async def open_session(
    world: World, ttl_s: float = 60, tenant: TenantId | None = None
) -> SessionId:
    session_id = SessionId(new_uuid7())
    await world.claims.extend(session_id, "worker", tenant, timedelta(seconds=ttl_s))
    return session_id


async def claimed(
    world: World, session_id: SessionId, max_tasks: int = 100
) -> Sequence[tuple[InstanceId, int]]:
    """Instance and ordinal of what a session gets when it takes whatever there is."""
    tasks = await world.claims.claim(
        session_id, queues=[DEFAULT_QUEUE], types=EVERY_TYPE, max_tasks=max_tasks, after=None
    )
    return [(task.instance_id, task.ordinal) for task in tasks]


async def leased(world: World, of: Instance, ordinal: int) -> Lease:
    """The lease a task is under; it must be under one."""
    lease = (await found_task(world, of, ordinal)).lease
    assert lease is not None
    return lease
