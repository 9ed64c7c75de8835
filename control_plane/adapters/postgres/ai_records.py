"""What is known of AI tasks afterwards, in PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from control_plane.adapters.postgres.ai_rows import call_of
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.ports.ai_desk import AiCall
from control_plane.ports.ai_records import Agreement, AiSpend, Suggestion
from control_plane.ports.instance_store import TaskKey
from shared.ids import InstanceId, TenantId

# An instance's are found by its id, and are few enough to be put in order.
_CALLS = """
SELECT c.* FROM foliot.ai_call c
 WHERE c.tenant_id = $1 AND {whose}
   AND (c.reserved_at, c.instance_id, c.ordinal, c.call_number) < ($3, $4, $5, $6)
 ORDER BY c.reserved_at DESC, c.instance_id DESC, c.ordinal DESC, c.call_number DESC
 LIMIT $7
"""
CALLS = _CALLS.format(whose="$2::uuid IS NULL")
CALLS_OF_INSTANCE = _CALLS.format(whose="c.instance_id = $2")

AGREEMENT = """
SELECT s.policy_name, s.policy_version, s.is_shadow, count(*)::int AS decided,
       count(*) FILTER (WHERE s.decision <> 'EXPIRE' AND s.decided_event = s.proposed)::int
         AS agreed,
       count(*) FILTER (WHERE s.proposed IS NULL)::int AS abstained,
       count(*) FILTER (WHERE s.decision = 'EXPIRE')::int AS expired
  FROM foliot.ai_suggestion s
 WHERE s.tenant_id = $1 AND s.policy_name = $2 AND s.decided_at >= $3
 GROUP BY s.policy_name, s.policy_version, s.is_shadow
 ORDER BY s.policy_version DESC, s.is_shadow
"""

FORGET = """
WITH forgotten AS (
  UPDATE foliot.ai_call c
     SET output = '', tool_requests = '[]', redacted_prompt = NULL, context_manifest = '[]',
         verdicts = '[]', keep_until = NULL
   WHERE c.ctid = ANY (ARRAY(
           SELECT c.ctid FROM foliot.ai_call c
            WHERE c.keep_until <= foliot.now()
              AND NOT EXISTS (SELECT FROM foliot.task t
                               WHERE t.tenant_id = c.tenant_id AND t.instance_id = c.instance_id
                                 AND t.ordinal = c.ordinal AND t.completed_at IS NULL)
            LIMIT $1 FOR UPDATE SKIP LOCKED))
  RETURNING c.tenant_id, c.instance_id, c.ordinal, c.call_number),
answered AS (
  UPDATE foliot.ai_tool_call a SET result = ''
    FROM forgotten f
   WHERE a.tenant_id = f.tenant_id AND a.instance_id = f.instance_id AND a.ordinal = f.ordinal
     AND a.call_number = f.call_number)
SELECT count(*) FROM forgotten
"""

_AFTER_ALL = datetime.fromisoformat("9999-12-30T00:00:00+00:00")
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_LAST = (UUID(int=2**128 - 1), 2**31 - 1, 2**31 - 1)


class PostgresAiRecords:
    def __init__(self, pool: asyncpg.Pool, across: asyncpg.Pool) -> None:
        """`across` acts as ACROSS_ROLE: what is past its time goes whosever it is."""
        self._pool = ReachedPool(pool)
        self._across = ReachedPool(across)

    async def suggestion(self, key: TaskKey) -> Suggestion | None:
        row = await self._pool.of(key.tenant_id).fetchrow(
            """
            SELECT s.* FROM foliot.ai_suggestion s
             WHERE s.tenant_id = $1 AND s.instance_id = $2 AND s.review = $3
            """,
            *key,
        )
        if row is None:
            return None
        return Suggestion(
            key=TaskKey(row["tenant_id"], row["instance_id"], row["ordinal"]),
            **{name: row[name] for name in _SUGGESTION},
        )

    async def spend(self, tenant_id: TenantId, scopes: Sequence[str]) -> Sequence[AiSpend]:
        rows = await self._pool.of(tenant_id).fetch(
            """
            SELECT s.scope, s.committed, s.calls, s.input_tokens, s.output_tokens
              FROM foliot.ai_spend s
             WHERE s.tenant_id = $1 AND s.scope = ANY ($2::text[])
             ORDER BY s.scope
            """,
            tenant_id,
            list(scopes),
        )
        return [AiSpend(**dict(row)) for row in rows]

    async def today(self) -> str:
        return str(
            await self._across.fetchval(
                "SELECT to_char(foliot.now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
            )
        )

    async def calls(
        self,
        tenant_id: TenantId,
        instance_id: InstanceId | None,
        *,
        after: tuple[datetime, TaskKey, int] | None,
        limit: int,
    ) -> Sequence[AiCall]:
        at, *last = (_AFTER_ALL, *_LAST)
        if after is not None:
            at, last = after[0], [after[1].instance_id, after[1].ordinal, after[2]]
        statement = CALLS if instance_id is None else CALLS_OF_INSTANCE
        rows = await self._pool.of(tenant_id).fetch(
            statement, tenant_id, instance_id, at, *last, limit
        )
        return [call_of(row) for row in rows]

    async def call(self, key: TaskKey, call_number: int) -> AiCall | None:
        row = await self._pool.of(key.tenant_id).fetchrow(
            """
            SELECT c.* FROM foliot.ai_call c
             WHERE c.tenant_id = $1 AND c.instance_id = $2 AND c.ordinal = $3
               AND c.call_number = $4
            """,
            *key,
            call_number,
        )
        return None if row is None else call_of(row)

    async def agreement(
        self, tenant_id: TenantId, policy_name: str, since: datetime | None
    ) -> Sequence[Agreement]:
        rows = await self._pool.of(tenant_id).fetch(
            AGREEMENT, tenant_id, policy_name, since or _BEFORE_ALL
        )
        return [Agreement(**dict(row)) for row in rows]

    async def forget(self, at_once: int) -> int:
        async with self._across.connection() as connection:
            return int(await connection.fetchval(FORGET, at_once))


_SUGGESTION = (
    "review",
    "hash",
    "body",
    "policy_name",
    "policy_version",
    "proposed",
    "is_shadow",
    "suggested_at",
    "decision",
    "decided_event",
    "decided_by",
    "decided_at",
)
