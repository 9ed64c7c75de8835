"""
What executors of AI tasks ask and say, in PostgreSQL.

A reservation is one transaction. It locks the task's row, then adds to the instance's and to the
day's, each in one statement that changes nothing where the sum would be too much; a refusal rolls
all of it back. Locks: `ai_task`, then `ai_spend` by scope, a day before an instance.
"""

from dataclasses import fields

import asyncpg

from control_plane.adapters.postgres.ai_rows import call_of, tool_call_of
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.adapters.postgres.rows import Row
from control_plane.ports.ai_desk import (
    AiCall,
    AiTask,
    AiToolCall,
    Recording,
    Refusal,
    Reservation,
    Reserved,
    check_same_call,
    check_same_tool,
    gap,
    not_held,
)
from control_plane.ports.instance_store import TaskKey
from shared import json

IS_OFF = """
(EXISTS (SELECT FROM foliot.ai_halt)
 OR EXISTS (SELECT FROM foliot.ai_switch s
             WHERE s.tenant_id = a.tenant_id AND s.policy_name IN ('', a.policy_name)))
"""

TASK = f"""
SELECT a.policy_name, a.policy_version, a.events, a.calls, t.input, i.definition_key,
       i.definition_version, l.epoch, p.document AS policy, d.document AS default_policy,
       o.document AS platform_policy, a.guardrails,
       {IS_OFF} AS is_off
  FROM foliot.ai_task a
  JOIN foliot.task t ON t.tenant_id = a.tenant_id AND t.instance_id = a.instance_id
                    AND t.ordinal = a.ordinal
  JOIN foliot.instance i ON i.tenant_id = a.tenant_id AND i.instance_id = a.instance_id
  LEFT JOIN foliot.lease l ON l.tenant_id = a.tenant_id AND l.instance_id = a.instance_id
                          AND l.ordinal = a.ordinal AND t.completed_at IS NULL
  LEFT JOIN foliot.ai_policy p ON p.tenant_id = a.tenant_id AND p.name = a.policy_name
                              AND p.version = a.policy_version
  LEFT JOIN foliot.ai_policy d ON d.tenant_id = a.tenant_id AND d.name = 'default'
                              AND d.version = a.default_version
  LEFT JOIN foliot.ai_platform_policy o ON o.version = a.platform_version
 WHERE a.tenant_id = $1 AND a.instance_id = $2 AND a.ordinal = $3
"""  # noqa: S608 -- of our own texts alone

LOCK = f"""
SELECT a.calls, a.committed, l.epoch, t.completed_at IS NULL AS is_open, {IS_OFF} AS is_off,
       to_char(foliot.now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day
  FROM foliot.ai_task a
  JOIN foliot.task t ON t.tenant_id = a.tenant_id AND t.instance_id = a.instance_id
                    AND t.ordinal = a.ordinal
  LEFT JOIN foliot.lease l ON l.tenant_id = a.tenant_id AND l.instance_id = a.instance_id
                          AND l.ordinal = a.ordinal
 WHERE a.tenant_id = $1 AND a.instance_id = $2 AND a.ordinal = $3
   FOR UPDATE OF a
"""  # noqa: S608 -- of our own texts alone

CALL = """
SELECT c.* FROM foliot.ai_call c
 WHERE c.tenant_id = $1 AND c.instance_id = $2 AND c.ordinal = $3 AND c.call_number = $4
"""

SPEND = """
INSERT INTO foliot.ai_spend AS s (tenant_id, scope, committed, calls)
SELECT $1, $2, $3::bigint, 1 WHERE $3::bigint <= $4::bigint
ON CONFLICT (tenant_id, scope) DO UPDATE
   SET committed = s.committed + excluded.committed, calls = s.calls + 1
 WHERE s.committed + excluded.committed <= $4::bigint
RETURNING 1
"""

RESERVE = """
INSERT INTO foliot.ai_call AS c
       (tenant_id, instance_id, ordinal, call_number, request_sha256, provider, model, epoch, day,
        reserved, reserved_last, reserved_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, foliot.now())
ON CONFLICT (tenant_id, instance_id, ordinal, call_number) DO UPDATE
   SET epoch = excluded.epoch, day = excluded.day, reserved = c.reserved + excluded.reserved,
       reserved_last = excluded.reserved, provider = excluded.provider, model = excluded.model
"""

COMMIT_TASK = """
UPDATE foliot.ai_task a SET committed = a.committed + $4::bigint, calls = greatest(a.calls, $5::int)
 WHERE a.tenant_id = $1 AND a.instance_id = $2 AND a.ordinal = $3
"""

RECORD = """
UPDATE foliot.ai_call c
   SET classification = $5, output = $6, tool_requests = $7, reported_model = $8,
       input_tokens = $9, output_tokens = $10, cost = $11, latency_ms = $12, prompt_sha256 = $13,
       redacted_prompt = $14, context_manifest = $15, verdicts = $16, recorded_at = foliot.now(),
       keep_until = foliot.now() + make_interval(secs => $17)
 WHERE c.tenant_id = $1 AND c.instance_id = $2 AND c.ordinal = $3 AND c.call_number = $4
   AND c.recorded_at IS NULL
RETURNING *
"""

SETTLE_SPEND = """
UPDATE foliot.ai_spend s
   SET committed = s.committed + $3::bigint, input_tokens = s.input_tokens + $4::bigint,
       output_tokens = s.output_tokens + $5::bigint
 WHERE s.tenant_id = $1 AND s.scope = $2
"""


class _Refused(Exception):
    """Rolls a reservation back."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal: Refusal = refusal


class PostgresAiDesk:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = ReachedPool(pool)

    async def task(self, key: TaskKey) -> AiTask | None:
        # One snapshot: a call that is recorded meanwhile is in all of it or in nothing.
        pool = self._pool.of(key.tenant_id)
        async with pool.transaction("repeatable_read") as connection:
            row = await connection.fetchrow(TASK, *key)
            if row is None:
                return None
            calls = await connection.fetch(
                """
                SELECT c.* FROM foliot.ai_call c
                 WHERE c.tenant_id = $1 AND c.instance_id = $2 AND c.ordinal = $3
                 ORDER BY c.call_number
                """,
                *key,
            )
            tool_calls = await connection.fetch(
                """
                SELECT c.* FROM foliot.ai_tool_call c
                 WHERE c.tenant_id = $1 AND c.instance_id = $2 AND c.ordinal = $3
                 ORDER BY c.tool_call_number
                """,
                *key,
            )
        events, guardrails = json.load(row["events"]), json.load(row["guardrails"])
        assert isinstance(events, list)
        assert isinstance(guardrails, list)
        return AiTask(
            key=key,
            policy_name=row["policy_name"],
            policy_version=row["policy_version"],
            platform=row["platform_policy"],
            default=row["default_policy"],
            policy=row["policy"],
            guardrails=tuple(json.dump(one) for one in guardrails),
            events=tuple(str(one) for one in events),
            input=row["input"],
            definition_key=row["definition_key"],
            definition_version=row["definition_version"],
            is_off=row["is_off"],
            epoch=row["epoch"],
            last_call_number=row["calls"],
            calls=tuple(call_of(one) for one in calls),
            tool_calls=tuple(tool_call_of(one) for one in tool_calls),
        )

    async def reserve(self, asked: Reservation) -> Reserved | None:
        try:
            async with self._pool.of(asked.key.tenant_id).transaction() as connection:
                return await _reserve(connection, asked)
        except _Refused as refused:
            return Reserved(refusal=refused.refusal)

    async def record(self, told: Recording) -> tuple[AiCall, bool] | None:
        key = told.key
        async with self._pool.of(key.tenant_id).transaction() as connection:
            await _locked(connection, key, told.epoch)
            found = await connection.fetchrow(CALL, *key, told.call_number)
            if found is None or found["request_sha256"] != told.request_sha256:
                return None
            if found["recorded_at"] is not None:
                return call_of(found), True
            cost = found["reserved_last"] if told.cost is None else told.cost
            row = await connection.fetchrow(
                RECORD,
                *key,
                told.call_number,
                told.classification,
                told.output,
                told.tool_requests,
                told.reported_model,
                told.input_tokens,
                told.output_tokens,
                cost,
                told.latency_ms,
                told.prompt_sha256,
                told.redacted_prompt,
                told.context_manifest,
                told.verdicts,
                told.keep_s,
            )
            # What earlier attempts set aside for it and never settled stays spent.
            settled = cost - found["reserved_last"]
            await connection.execute(COMMIT_TASK, *key, settled, told.call_number)
            tokens = told.input_tokens or 0, told.output_tokens or 0
            for scope in (found["day"], str(key.instance_id)):
                await connection.execute(SETTLE_SPEND, key.tenant_id, scope, settled, *tokens)
        return call_of(row), False

    async def record_tool(
        self, key: TaskKey, epoch: int, call: AiToolCall
    ) -> tuple[AiToolCall, bool] | None:
        async with self._pool.of(key.tenant_id).transaction() as connection:
            await _locked(connection, key, epoch)
            asking = await connection.fetchrow(CALL, *key, call.call_number)
            if asking is None or asking["recorded_at"] is None:
                return None
            rows = await connection.fetch(
                """
                SELECT c.* FROM foliot.ai_tool_call c
                 WHERE c.tenant_id = $1 AND c.instance_id = $2 AND c.ordinal = $3
                   AND c.tool_call_number BETWEEN $4 - 1 AND $4
                """,
                *key,
                call.tool_call_number,
            )
            known = {row["tool_call_number"]: tool_call_of(row) for row in rows}
            same = known.get(call.tool_call_number)
            if same is not None:
                check_same_tool(same, call)
                return same, True
            if call.tool_call_number > 1 and not known:
                raise gap("tool_call.tool_call_number", call.tool_call_number)
            await connection.execute(
                """
                INSERT INTO foliot.ai_tool_call
                       (tenant_id, instance_id, ordinal, tool_call_number, call_number, server,
                        name, arguments_sha256, result, is_error, recorded_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, foliot.now())
                """,
                *key,
                *(getattr(call, one.name) for one in fields(call)),
            )
        return call, False


async def _locked(connection: asyncpg.Connection, key: TaskKey, epoch: int) -> Row | None:
    """The task's row, locked. Raises NotHeld. None if there is no such AI task."""
    row: Row | None = await connection.fetchrow(LOCK, *key)
    if row is not None and (row["epoch"] != epoch or not row["is_open"]):
        raise not_held(epoch)
    return row


async def _reserve(connection: asyncpg.Connection, asked: Reservation) -> Reserved | None:
    key, cost = asked.key, asked.worst_cost
    row = await _locked(connection, key, asked.epoch)
    if row is None:
        return None
    found = await connection.fetchrow(CALL, *key, asked.call_number)
    if found is not None:
        known = call_of(found)
        check_same_call(known, asked)
        if known.record is not None:
            return Reserved(call=known, cost=known.reserved_last)
    elif asked.call_number != row["calls"] + 1:
        raise gap("call_number", asked.call_number)
    if row["is_off"]:
        raise _Refused("switched_off")
    if found is not None and found["epoch"] == asked.epoch:
        return Reserved(cost=found["reserved_last"])
    if asked.call_number > asked.max_calls:
        raise _Refused("iterations")
    if row["committed"] + cost > asked.cost_per_task:
        raise _Refused("task_cost")
    scopes: tuple[tuple[str, int, Refusal], ...] = (
        (row["day"], asked.cost_per_day, "day_cost"),
        (str(key.instance_id), asked.cost_per_instance, "instance_cost"),
    )
    for scope, limit, refusal in scopes:
        if not await connection.fetchval(SPEND, key.tenant_id, scope, cost, limit):
            raise _Refused(refusal)
    await connection.execute(COMMIT_TASK, *key, cost, asked.call_number)
    await connection.execute(
        RESERVE,
        *key,
        asked.call_number,
        asked.request_sha256,
        asked.provider,
        asked.model,
        asked.epoch,
        row["day"],
        cost,
    )
    return Reserved(cost=cost)
