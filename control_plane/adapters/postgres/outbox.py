"""The outbox, in PostgreSQL."""

from collections.abc import Sequence

import asyncpg

from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.ports.outbox import Delivery

UNDELIVERED = """
    SELECT o.position, o.tenant_id, o.instance_id, o.kind, o.payload
      FROM foliot.outbox o
     WHERE o.position > $2
     ORDER BY o.position
     LIMIT $1
"""


class PostgresOutbox:
    """Its pool must act as ACROSS_ROLE (shared/postgres/session.py)."""

    def __init__(self, across: asyncpg.Pool) -> None:
        self._pool = ReachedPool(across)

    async def undelivered(self, limit: int, *, after: int = 0) -> Sequence[Delivery]:
        rows = await self._pool.fetch(UNDELIVERED, limit, after)
        return [Delivery(**row) for row in rows]

    async def delivered(self, deliveries: Sequence[Delivery]) -> None:
        await self._pool.execute(
            """
            DELETE FROM foliot.outbox o
             USING unnest($1::text[], $2::bigint[]) AS d(tenant_id, position)
             WHERE (o.tenant_id, o.position) = (d.tenant_id, d.position)
            """,
            [one.tenant_id for one in deliveries],
            [one.position for one in deliveries],
        )
