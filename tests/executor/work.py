"""Work for executors: rows as a control plane writes them, and tasks as a claim gives them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from shared.ids import InstanceId, TenantId, idempotency_key, new_instance_id
from shared.json import Json, dump
from shared.postgres import tables
from shared.tasks import DEFAULT_QUEUE, ClaimedTask, TaskType

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

# What a claim reads of an instance, and for every other column something it may hold.
_INSTANCE = {
    **{
        column.name: "'{}'"
        for column in tables.instance.columns
        if not column.nullable and column.server_default is None
    },
    "tenant_id": "$1",
    "instance_id": "$2",
    "definition_id": "$2",
    "definition_key": "'order'",
    "definition_version": "1",
    "status": "'running'",
    "revision": "1",
    "seq": "1",
    "history_hash": "''",
    "started_at": "now()",
    "updated_at": "now()",
}
_INSERT_INSTANCE = (
    f"INSERT INTO foliot.instance ({', '.join(_INSTANCE)}) VALUES ({', '.join(_INSTANCE.values())})"
)
_INSERT_TASKS = """
WITH given AS (
  SELECT ordinal::integer, idempotency_key
    FROM unnest($9::uuid[]) WITH ORDINALITY AS g(idempotency_key, ordinal)),
written AS (
  INSERT INTO foliot.task
         (tenant_id, instance_id, ordinal, name, type, function, queue, priority, status, run_at,
          max_attempts, idempotency_key, input, timeout_s, created_at)
  SELECT $1, $2, ordinal, 'work', $3, $4, $5, 0, 'pending', $6, 5, idempotency_key, $7, $8, now()
    FROM given
  RETURNING tenant_id, run_at, instance_id, ordinal, queue, type)
INSERT INTO foliot.ready
       (tenant_id, run_at, instance_id, ordinal, queue, type, flow, precedence, attempt, epoch)
SELECT w.*, '', w.run_at, 0, 0 FROM written w
"""


async def make_ready(
    database_url: str,
    count: int = 1,
    *,
    tenant_id: str = "acme",
    type: TaskType = TaskType.SYSTEM,  # noqa: A002 - a task's type is its type
    function: str | None = "echo",
    input: Json = None,  # noqa: A002 - a task's input is its input
    queue: str = DEFAULT_QUEUE,
    timeout_s: float | None = None,
    run_at: datetime | None = None,
) -> InstanceId:
    """Write an instance with so many ready tasks, numbered from 1."""
    instance_id = new_instance_id()
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(_INSERT_INSTANCE, tenant_id, instance_id)
        due = run_at or await connection.fetchval("SELECT foliot.now()")
        await connection.execute(
            _INSERT_TASKS,
            tenant_id,
            instance_id,
            str(type),
            function,
            queue,
            due,
            dump(input),
            timeout_s,
            [idempotency_key(instance_id, ordinal + 1) for ordinal in range(count)],
        )
    finally:
        await connection.close()
    return instance_id


async def ask(database_url: str, question: str, *arguments: object) -> object:
    """One value from the database, as its owner."""
    connection = await asyncpg.connect(database_url)
    try:
        answer: object = await connection.fetchval(question, *arguments)
        return answer
    finally:
        await connection.close()


def a_task(
    type: TaskType = TaskType.SYSTEM,  # noqa: A002 - a task's type is its type
    *,
    function: str | None = "echo",
    input: Json = None,  # noqa: A002 - a task's input is its input
    ordinal: int = 1,
    epoch: int = 1,
    attempt: int = 1,
    tenant_id: str = "acme",
    instance_id: InstanceId | None = None,
    run_at: datetime = NOON,
    timeout: timedelta | None = None,
) -> ClaimedTask:
    """A claimed task."""
    instance = instance_id or InstanceId(UUID("019b0000-0000-7000-8000-000000000001"))
    return ClaimedTask(
        tenant_id=TenantId(tenant_id),
        instance_id=instance,
        ordinal=ordinal,
        epoch=epoch,
        attempt=attempt,
        max_attempts=5,
        definition_key="order",
        name="work",
        type=type,
        function=function,
        queue=DEFAULT_QUEUE,
        input=input,
        idempotency_key=idempotency_key(instance, ordinal),
        run_at=run_at,
        timeout=timeout,
        trace_parent=None,
    )


def ids_of(tasks: Sequence[ClaimedTask]) -> list[str]:
    """What the tasks are called."""
    return [task.task_id for task in tasks]
