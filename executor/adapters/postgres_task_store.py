"""
The task store in PostgreSQL: the functions that the executor's role may call
(migrations/sql/), and nothing else of the database.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import asyncpg

from executor.adapters.database_clock import DatabaseClock
from executor.ports.control_plane import Held
from executor.ports.task_store import SessionExpired
from shared.errors import Unavailable
from shared.failpoints import failpoint
from shared.ids import InstanceId, SessionId, TenantId, parse_task_id
from shared.json import load
from shared.postgres.lineage import Lineage
from shared.postgres.namespace import read_namespace
from shared.postgres.session import EXECUTOR_ROLE, open_pool
from shared.tasks import ClaimedTask, TaskType

ANSWER_WITHIN = timedelta(seconds=5)
MAX_CONNECTIONS = 4
SESSION_EXPIRED = "FO001"

T = TypeVar("T")


class PostgresTaskStore:
    """Sets `clock` by what the database says."""

    def __init__(self, pool: asyncpg.Pool, clock: DatabaseClock) -> None:
        self._pool = pool
        self._clock = clock

    @classmethod
    async def connect(
        cls, database_url: str, clock: DatabaseClock, lineage: Lineage | None = None
    ) -> "PostgresTaskStore":
        """Raises Unavailable when the database is away, or not migrated yet."""
        try:
            pool = await open_pool(
                database_url, role=EXECUTOR_ROLE, max_size=MAX_CONNECTIONS, lineage=lineage
            )
        except (asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            raise _unavailable(error) from error
        return cls(pool, clock)

    async def extend_session(self, session_id: SessionId, name: str, lease: timedelta) -> datetime:
        await failpoint("executor.extend.before")
        until: datetime = await _answered(
            self._pool.fetchval(
                "SELECT foliot.extend_session($1, $2, NULL, $3)",
                session_id,
                name,
                lease.total_seconds(),
            )
        )
        await failpoint("executor.extend.after")
        self._clock.set(until - lease)
        return until

    async def claim(
        self,
        session_id: SessionId,
        queues: Sequence[str],
        types: Sequence[TaskType],
        max_tasks: int,
        after: str,
    ) -> list[ClaimedTask]:
        await failpoint("executor.claim.before")
        rows = await _answered(
            self._pool.fetch(
                "SELECT * FROM foliot.claim($1, $2, $3, $4, $5)",
                session_id,
                list(queues),
                list(types),
                max_tasks,
                after,
            )
        )
        await failpoint("executor.claim.after")
        tasks = [_task_of(row) for row in rows]
        for task in tasks:
            # Whatever was handed out is due, even where somebody has moved the clock.
            self._clock.has_reached(task.run_at)
        return tasks

    async def release(self, session_id: SessionId, tasks: Sequence[ClaimedTask]) -> int:
        await failpoint("executor.release.before")
        released: int = await _answered(
            self._pool.fetchval(
                "SELECT foliot.release($1, $2, $3, $4, $5)",
                session_id,
                [task.tenant_id for task in tasks],
                [task.instance_id for task in tasks],
                [task.ordinal for task in tasks],
                [task.epoch for task in tasks],
            )
        )
        await failpoint("executor.release.after")
        return released

    async def release_unknown(self, session_id: SessionId, known: Sequence[Held]) -> int:
        await failpoint("executor.clear.before")
        tasks = [parse_task_id(held.task_id) for held in known]
        released: int = await _answered(
            self._pool.fetchval(
                "SELECT foliot.release_unknown($1, $2, $3, $4)",
                session_id,
                [instance_id for instance_id, _ in tasks],
                [ordinal for _, ordinal in tasks],
                [held.epoch for held in known],
            )
        )
        await failpoint("executor.clear.after")
        return released

    async def close_session(self, session_id: SessionId) -> None:
        await failpoint("executor.close.before")
        await _answered(self._pool.execute("SELECT foliot.close_session($1)", session_id))
        await failpoint("executor.close.after")

    async def namespace(self) -> str:
        """What keeps this database's doorbells apart from others'."""
        return await _answered(read_namespace(self._pool))

    async def close(self) -> None:
        """Give the connections back, at once if the database does not answer."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # Asked between the server's word that it ends the connection and the end.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


async def _answered(call: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
            return await call
    except FAILURES as error:
        if getattr(error, "sqlstate", None) == SESSION_EXPIRED:
            raise SessionExpired(str(error)) from error
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(
        f"PostgreSQL did not do as asked: {type(error).__name__}: {error};"
        " is it up, and migrated by `foliot migrate`?",
        reason="DATABASE_UNREACHABLE",
    )


def _task_of(row: Any) -> ClaimedTask:
    return ClaimedTask(
        tenant_id=TenantId(row["tenant_id"]),
        instance_id=InstanceId(row["instance_id"]),
        ordinal=row["ordinal"],
        epoch=row["epoch"],
        attempt=row["attempt"],
        max_attempts=row["max_attempts"],
        definition_key=row["definition_key"],
        name=row["name"],
        type=TaskType(row["type"]),
        function=row["function"],
        queue=row["queue"],
        input=load(row["input"]),
        idempotency_key=row["idempotency_key"],
        run_at=row["run_at"],
        timeout=None if row["timeout_s"] is None else timedelta(seconds=row["timeout_s"]),
        trace_parent=row["trace_parent"],
        last_progress=None if row["last_progress"] is None else load(row["last_progress"]),
    )
