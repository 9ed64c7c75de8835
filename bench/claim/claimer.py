"""One claimer: asks, and says what it got, how long it took and what the server did for it."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg

from executor.intake import last_served

EVERY_TYPE = ("HUMAN", "TIMER", "HTTP", "EMAIL", "AI", "SYSTEM")
LEASE_S = 3600.0
CLAIM = "SELECT * FROM foliot.claim($1, $2, $3, $4, $5)"


@dataclass(slots=True, kw_only=True)
class Claimer:
    """`cpu_s` is what the server's process of this connection has used; None where not told."""

    connection: asyncpg.Connection
    session_id: UUID
    queues: Sequence[str] = ("default",)
    types: Sequence[str] = EVERY_TYPE
    after: str = ""
    seconds: list[float] = field(default_factory=list)
    claimed: int = 0

    @classmethod
    async def join(
        cls,
        connection: asyncpg.Connection,
        *,
        queues: Sequence[str] = ("default",),
        types: Sequence[str] = EVERY_TYPE,
    ) -> "Claimer":
        """A claimer with a session of its own."""
        session_id = uuid4()
        await connection.execute(
            "SELECT foliot.extend_session($1, 'bench', NULL, $2)", session_id, LEASE_S
        )
        return cls(connection=connection, session_id=session_id, queues=queues, types=types)

    async def claim(self, at_most: int) -> list[str]:
        """Claim once, and go on after the tenant served last; the tenants of what was got."""
        since = time.perf_counter()
        rows = await self.connection.fetch(CLAIM, *self._arguments(at_most))
        self.seconds.append(time.perf_counter() - since)
        tenants = [row["tenant_id"] for row in rows]
        self.claimed += len(tenants)
        if tenants:
            self.after = last_served(tenants, self.after)
        return tenants

    async def pages(self, at_most: int) -> int:
        """How many pages of tables and indexes a claim looks at. What it claims is given back."""
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            (plan,) = json.loads(
                await self.connection.fetchval(
                    f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {CLAIM}",
                    *self._arguments(at_most),
                )
            )
        finally:
            await transaction.rollback()
        top = plan["Plan"]
        return int(top["Shared Hit Blocks"]) + int(top["Shared Read Blocks"])

    def cpu_s(self) -> float | None:
        """Of the server's process, where the system tells (Linux, the same machine)."""
        told = Path(f"/proc/{self.connection.get_server_pid()}/schedstat")
        return int(told.read_text().split()[0]) / 1e9 if told.exists() else None

    def _arguments(self, at_most: int) -> tuple[object, ...]:
        return self.session_id, list(self.queues), list(self.types), at_most, self.after
