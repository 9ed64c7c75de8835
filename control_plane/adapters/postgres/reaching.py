"""
How the adapters reach PostgreSQL: what it fails to answer is told in one way, here, and so is
which tenant a transaction is about.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Literal

import asyncpg

from control_plane.ports.instance_store import StoreUnavailable
from shared.ids import TenantId
from shared.postgres.session import ANSWER_WITHIN_S, in_scope_of
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
    # The driver has lost its place in what the server says: a server that ends a connection says
    # so first, and whoever asks before the end has come is told that something is under way.
    asyncpg.InternalClientError,
)
"""What the database, or the way to it, is to blame for. All else is a bug of ours."""

BEGIN = {
    "read_committed": "BEGIN",
    "repeatable_read": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}
Isolation = Literal["read_committed", "repeatable_read"]
"""A repeatable read sees one instant, and changes nothing."""

_log = get_logger(__name__)
_complaints = Throttle()


class SchemaChanged(StoreUnavailable):
    """
    A migration has changed a table since a statement on it was prepared. The statement did
    nothing, and is prepared anew the next time; the driver sees to that by itself where no
    transaction is under way.
    """


class ReachedPool:
    """
    A pool that raises StoreUnavailable when the database does not answer.

    It recovers by itself: a connection that was lost is replaced when the next is asked for.
    Nobody waits longer than `answer_within_s` seconds for a connection and all that is done
    on it, also where the network swallows what is sent and reports no error.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        answer_within_s: float = ANSWER_WITHIN_S,
        keeps: int = 0,
    ) -> None:
        """
        It keeps so many connections between uses instead of handing them back, which spares a
        tenth of what a short statement costs here. Then it has to be closed before the pool.
        """
        self._pool = pool
        self._answer_within_s = answer_within_s
        self._keeps = keeps
        self._kept: list[asyncpg.Connection] = []

    def of(self, tenant_id: TenantId) -> "TenantsPool":
        """The same pool for statements about one tenant: they find no other one's rows."""
        return TenantsPool(self, tenant_id)

    async def fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        async with self.connection() as connection:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *values)
            return rows

    async def fetchrow(self, statement: str, *values: object) -> asyncpg.Record | None:
        async with self.connection() as connection:
            return await connection.fetchrow(statement, *values)

    async def fetchval(self, statement: str, *values: object) -> Any:
        async with self.connection() as connection:
            return await connection.fetchval(statement, *values)

    async def execute(self, statement: str, *values: object) -> None:
        async with self.connection() as connection:
            await connection.execute(statement, *values)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """One connection for several statements."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._answer_within_s
        with _reaching():
            connection = await self._kept_one() or await self._acquired(until)
            # Terminated and not cancelled: the driver cancels by asking the server, which is
            # who does not answer. The statement under way fails, as with any lost connection.
            late = loop.call_at(until, _end, connection)
            is_good = False
            try:
                yield connection
                is_good = _is_open(connection)
            except asyncpg.InternalClientError:
                _end(connection)
                raise
            finally:
                late.cancel()
                if is_good and len(self._kept) < self._keeps:
                    self._kept.append(connection)
                else:
                    await self._hand_back(connection)

    async def close(self) -> None:
        """Hand back what is kept."""
        while self._kept:
            await self._hand_back(self._kept.pop())

    async def _kept_one(self) -> asyncpg.Connection | None:
        """One that is still there: the server may have ended it meanwhile, and be back by now."""
        while self._kept:
            connection = self._kept.pop()
            if _is_open(connection):
                return connection
            await self._hand_back(connection)
        return None

    async def _acquired(self, until: float) -> asyncpg.Connection:
        async with asyncio.timeout_at(until):
            return await self._pool.acquire()

    async def _hand_back(self, connection: asyncpg.Connection) -> None:
        """What goes wrong here costs a connection, which the pool replaces, and no answer."""
        with suppress(*UNREACHABLE):
            await self._pool.release(connection, timeout=self._answer_within_s)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """One connection, whose statements are kept together or not at all."""
        async with self.connection() as connection, connection.transaction():
            yield connection


class TenantsPool:
    """
    Each transaction names the tenant first, and the database shows it no other one's rows
    (migrations/versions/0011_row_security.py). That is the second net: every statement still
    names its tenant itself. A statement alone is a transaction as well.
    """

    def __init__(self, pool: ReachedPool, tenant_id: TenantId) -> None:
        self._pool = pool
        self._scope = in_scope_of(tenant_id)

    async def fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self._alone("fetch", statement, values)
        return rows

    async def fetchrow(self, statement: str, *values: object) -> asyncpg.Record | None:
        row: asyncpg.Record | None = await self._alone("fetchrow", statement, values)
        return row

    async def fetchval(self, statement: str, *values: object) -> Any:
        return await self._alone("fetchval", statement, values)

    async def execute(self, statement: str, *values: object) -> None:
        await self._alone("execute", statement, values)

    async def _alone(
        self,
        kind: Literal["fetch", "fetchrow", "fetchval", "execute"],
        statement: str,
        values: tuple[object, ...],
    ) -> Any:
        """One statement; prepared anew if a migration has changed what it gives since."""
        try:
            async with self.transaction() as connection:
                return await getattr(connection, kind)(statement, *values)
        except SchemaChanged:
            async with self.transaction() as connection:
                return await getattr(connection, kind)(statement, *values)

    @asynccontextmanager
    async def transaction(
        self, isolation: Isolation = "read_committed"
    ) -> AsyncIterator[asyncpg.Connection]:
        """One connection, whose statements are kept together or not at all."""
        async with self._pool.connection() as connection:
            try:
                # By hand, as the driver's own transaction would take a round trip more.
                await connection.execute(f"{BEGIN[isolation]}; {self._scope}")
                yield connection
            except BaseException:
                await _roll_back(connection)
                raise
            await connection.execute("COMMIT")


async def _roll_back(connection: asyncpg.Connection) -> None:
    """Or end the connection: nobody may get it with a transaction, or half an answer, on it."""
    try:
        await connection.execute("ROLLBACK")
    except UNREACHABLE:
        _end(connection)
    except BaseException:
        _end(connection)
        raise


def _is_open(connection: asyncpg.Connection) -> bool:
    # The pool takes one back by itself that is lost, and then it may not be asked.
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        return False


def _end(connection: asyncpg.Connection) -> None:
    # The pool takes one back by itself that is lost, and then it may not be used.
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except asyncpg.InvalidCachedStatementError as error:
        raise SchemaChanged("the database's schema was changed just now; send it again") from error
    except UNREACHABLE as error:
        # The driver counts a value it cannot send among its own errors. It never left.
        if isinstance(error, ValueError):
            raise
        if _complaints.allows():
            _log.warning(LogEvent.DATABASE_UNAVAILABLE, error=f"{type(error).__name__}: {error}")
        # The driver's words stay in the log: they name hosts, files and logins.
        raise StoreUnavailable(
            "PostgreSQL did not answer: a change may or may not have been kept; send it again"
            " with the same business_key, event_id or request_id"
        ) from error
