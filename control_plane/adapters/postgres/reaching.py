"""How the adapters reach PostgreSQL: what it fails to answer is told in one way, here."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg

from control_plane.ports.instance_store import StoreUnavailable
from shared.telemetry.logging import Throttle, get_logger
from shared.telemetry.names import LogEvent

UNREACHABLE = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    # A standby that has not been promoted, or is reached by mistake.
    asyncpg.ReadOnlySQLTransactionError,
    # New connections only: the login or the database changed under a running server.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
"""What the database, or the way to it, is to blame for. All else is a bug of ours."""

_log = get_logger(__name__)
_complaints = Throttle()


class ReachedPool:
    """
    A pool that raises StoreUnavailable when the database does not answer.

    It recovers by itself: a connection that was lost is replaced when the next is asked for.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        with _reaching():
            rows: list[asyncpg.Record] = await self._pool.fetch(statement, *values)
            return rows

    async def fetchrow(self, statement: str, *values: object) -> asyncpg.Record | None:
        with _reaching():
            return await self._pool.fetchrow(statement, *values)

    async def fetchval(self, statement: str, *values: object) -> Any:
        with _reaching():
            return await self._pool.fetchval(statement, *values)

    async def execute(self, statement: str, *values: object) -> None:
        with _reaching():
            await self._pool.execute(statement, *values)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """One connection for several statements."""
        with _reaching():
            async with self._pool.acquire() as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """One connection, whose statements are kept together or not at all."""
        async with self.connection() as connection, connection.transaction():
            yield connection


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except UNREACHABLE as error:
        if _complaints.allows():
            _log.warning(LogEvent.DATABASE_UNAVAILABLE, error=f"{type(error).__name__}: {error}")
        # The driver's words stay in the log: they name hosts, files and logins.
        raise StoreUnavailable(
            "PostgreSQL did not answer: a change may or may not have been kept; send it again"
            " with the same business_key, event_id or request_id"
        ) from error
