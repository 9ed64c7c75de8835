"""
Backlogs: as many instances as wanted, each with one task that is ready, made by the database.

They are added to one another, so that what stands in the way of others can be made first.
"""

from dataclasses import dataclass

import asyncpg

EMPTY = """
TRUNCATE foliot.instance, foliot.task, foliot.ready, foliot.delayed, foliot.lease,
         foliot.task_limit, foliot.executor_session
"""

# Ids count up from what is there. Tasks are ready since an hour ago, a microsecond apart; what is
# added later is younger.
ADD = """
WITH made AS MATERIALIZED (
  SELECT $1 || lpad((n % $2)::text, 6, '0') AS tenant_id,
         ('01890000-0000-7000-8000-' || lpad(to_hex($6 + n), 12, '0'))::uuid AS instance_id,
         clock_timestamp() - interval '1 hour' + ($6 + n) * interval '1 microsecond' AS run_at
    FROM generate_series(0, $3::bigint - 1) AS n),
instances AS (
  INSERT INTO foliot.instance (
         tenant_id, instance_id, definition_id, definition_key, definition_version, status,
         revision, seq, history_hash, current_state, context, snapshot, idle, labels, started_by,
         started_at, updated_at)
  SELECT m.tenant_id, m.instance_id, m.instance_id, 'bench', 1, 'waiting', 1, 1, '', '"work"',
         '{}', '{}', '[]', '{}', 'bench', m.run_at, m.run_at
    FROM made m),
tasks AS (
  INSERT INTO foliot.task (
         tenant_id, instance_id, ordinal, name, type, queue, priority, status, run_at,
         max_attempts, idempotency_key, input, limit_key, created_at)
  SELECT m.tenant_id, m.instance_id, 1, 'work', $4, $5, 0, 'pending', m.run_at, 3, m.instance_id,
         '{}', $7, m.run_at
    FROM made m)
INSERT INTO foliot.ready (
       tenant_id, run_at, instance_id, ordinal, queue, type, flow, precedence, attempt, epoch)
SELECT m.tenant_id, m.run_at, m.instance_id, 1, $5, $4, foliot.flow(m.tenant_id, $7),
       foliot.precedence(m.run_at, 0), 0, 0
  FROM made m
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """So many ready tasks, dealt out to so many tenants, whose names begin with `prefix`."""

    tasks: int
    tenants: int = 1
    prefix: str = "t"
    type: str = "SYSTEM"
    queue: str = "default"
    limit_key: str | None = None


async def empty(connection: asyncpg.Connection) -> None:
    """Nothing is ready, leased or limited, and no session is known."""
    await connection.execute(EMPTY)


async def add(connection: asyncpg.Connection, backlog: Backlog) -> None:
    """Add the backlog to what there is."""
    before = await connection.fetchval("SELECT count(*) FROM foliot.instance")
    await connection.execute(
        ADD,
        backlog.prefix,
        backlog.tenants,
        backlog.tasks,
        backlog.type,
        backlog.queue,
        before,
        backlog.limit_key,
    )


async def limit(connection: asyncpg.Connection, tenants: int, prefix: str = "t") -> None:
    """None of these tenants' tasks may run, so that all of them are held back."""
    await connection.execute(
        """
        INSERT INTO foliot.task_limit (tenant_id, limit_key, max_running, updated_at)
        SELECT $1 || lpad(n::text, 6, '0'), '', 0, clock_timestamp()
          FROM generate_series(0, $2::bigint - 1) AS n
        """,
        prefix,
        tenants,
    )


async def limit_key(connection: asyncpg.Connection, tenant_id: str, key: str) -> None:
    """None of the tenant's tasks with this key may run."""
    for name, most in (("", None), (key, 0)):
        await connection.execute(
            """
            INSERT INTO foliot.task_limit (tenant_id, limit_key, max_running, updated_at)
            VALUES ($1, $2, $3, clock_timestamp())
            """,
            tenant_id,
            name,
            most,
        )


async def settle(connection: asyncpg.Connection) -> None:
    """Let the planner know what there is, and leave no cleaning up for later."""
    await connection.execute(
        "VACUUM (ANALYZE) foliot.instance, foliot.task, foliot.ready, foliot.delayed,"
        " foliot.lease, foliot.task_limit, foliot.executor_session"
    )
