"""Rows of the inbox that no turn can take up by itself, in PostgreSQL."""

from collections.abc import Sequence

import asyncpg

from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.ports.due import LOOK
from control_plane.ports.inbox import START, InboxStart
from control_plane.ports.records import InstanceKey
from shared.failpoints import failpoint
from shared.ids import InstanceId

# What was put away may be asked for again under its id, as after any refusal.
_PUT_AWAY = """
    , forgotten AS (
      DELETE FROM foliot.accepted a
       USING gone g
       WHERE a.tenant_id = g.tenant_id AND a.key = g.event_id
         AND a.scope = CASE WHEN g.type = $1 THEN 'request' ELSE g.instance_id::text END)
    INSERT INTO foliot.rejected
           (tenant_id, position, instance_id, event_id, type, payload, reason, message,
            accepted_at, rejected_at)
    SELECT g.tenant_id, g.position, g.instance_id, g.event_id, g.type, g.payload, $2, $3,
           g.accepted_at, foliot.now()
      FROM gone g
"""
REJECT_START = f"""
    WITH gone AS (
      DELETE FROM foliot.inbox b
       WHERE b.tenant_id = $4 AND b.instance_id = $5 AND b.position = $6 AND b.type = $1
      RETURNING b.*)
    {_PUT_AWAY}
"""  # noqa: S608 - of constants
REJECT_FIRST = f"""
    WITH gone AS (
      DELETE FROM foliot.inbox b
       WHERE b.tenant_id = $4 AND b.instance_id = $5
         AND b.position = (
               SELECT min(w.position) FROM foliot.inbox w
                WHERE w.tenant_id = $4 AND w.instance_id = $5 AND w.type <> $1
                  AND w.deferred_at IS NULL)
      RETURNING b.*)
    {_PUT_AWAY}
"""  # noqa: S608 - of constants
# Looked at in one snapshot: an instance that has just begun took its start with it.
REJECT_UNADDRESSED = f"""
    WITH gone AS (
      DELETE FROM foliot.inbox b
       WHERE b.tenant_id = $4 AND b.instance_id = $5 AND b.type <> $1
         AND NOT EXISTS (SELECT FROM foliot.instance i
                          WHERE i.tenant_id = $4 AND i.instance_id = $5)
         AND NOT EXISTS (SELECT FROM foliot.inbox s
                          WHERE s.tenant_id = $4 AND s.instance_id = $5 AND s.type = $1)
      RETURNING b.*)
    {_PUT_AWAY}
"""  # noqa: S608 - of constants


class PostgresInbox:
    """Its pool must act as ACROSS_ROLE (shared/postgres/session.py)."""

    def __init__(self, across: asyncpg.Pool) -> None:
        self._pool = ReachedPool(across)

    async def starts(self, limit: int, *, look: int = LOOK) -> Sequence[InboxStart]:
        await failpoint("inbox.starts.before")
        rows = await self._pool.fetch(
            """
            SELECT b.tenant_id, b.instance_id, b.position, b.event_id AS request_id, b.payload
              FROM (SELECT b.* FROM foliot.inbox b
                     WHERE b.deferred_at IS NULL
                     ORDER BY b.accepted_at
                     LIMIT $3) AS b
             WHERE b.type = $2
             ORDER BY b.accepted_at, b.position
             LIMIT $1
            """,
            limit,
            START,
            look,
        )
        await failpoint("inbox.starts.after")
        return [InboxStart(**row) for row in rows]

    async def redirect(self, start: InboxStart, to: InstanceId) -> None:
        await failpoint("inbox.redirect.before")
        await self._pool.execute(
            """
            WITH gone AS (
              DELETE FROM foliot.inbox b
               WHERE b.tenant_id = $1 AND b.instance_id = $2 AND b.position = $3)
            UPDATE foliot.inbox b
               SET instance_id = $4
             WHERE b.tenant_id = $1 AND b.instance_id = $2 AND b.type <> $5
            """,
            *start.key,
            start.position,
            to,
            START,
        )

    async def reject_start(self, start: InboxStart, *, reason: str, message: str) -> None:
        await failpoint("inbox.reject.before")
        await self._pool.execute(REJECT_START, START, reason, message, *start.key, start.position)

    async def reject_first(self, key: InstanceKey, *, reason: str, message: str) -> None:
        await self._pool.execute(REJECT_FIRST, START, reason, message, *key)

    async def reject_unaddressed(self, key: InstanceKey, *, reason: str, message: str) -> None:
        await self._pool.execute(REJECT_UNADDRESSED, START, reason, message, *key)
