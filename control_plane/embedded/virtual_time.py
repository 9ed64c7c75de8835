"""
Time that stands still and is moved by hand, on a database that is thrown away afterwards.

`foliot.now()` is every plane's clock. Here it is taken off the wall: it says what
`foliot.clock` holds and nothing else, so that what happens in a test happens at an instant
that the test chose. A server refuses such a database outside dev mode.
"""

import asyncio
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from uuid import UUID

import asyncpg

LOOK_EVERY_S = 0.005
AT_REST_WITHIN_S = 20.0
"""How long the control plane may take over what is due at one instant."""

_STAND_STILL = """
CREATE OR REPLACE FUNCTION foliot.now() RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT timestamptz 'epoch' + (SELECT moved_by FROM foliot.clock) $$
"""

# Seconds, and no days: a day of an interval is as long as the session's time zone says.
_SET = """
UPDATE foliot.clock
   SET moved_by = make_interval(secs => extract(epoch FROM $1::timestamptz)::double precision)
"""

# Whoever has a lease is taken to have kept it all the while.
_KEEP_SESSIONS = """
UPDATE foliot.executor_session SET expires_at = expires_at + ($1::timestamptz - foliot.now())
"""

_IS_DUE = """
SELECT EXISTS (SELECT FROM foliot.timer WHERE instance_id = $1 AND due <= foliot.now())
    OR EXISTS (SELECT FROM foliot.inbox WHERE instance_id = $1 AND deferred_at IS NULL)
"""

_NEXT_DUE = """
SELECT least((SELECT min(due) FROM foliot.timer WHERE instance_id = $1),
             (SELECT min(run_at) FROM foliot.delayed WHERE instance_id = $1))
"""


class VirtualTime:
    """The clock of one database, from entering on. Only for a database of our own making."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._database: asyncpg.Connection | None = None

    async def __aenter__(self) -> Self:
        self._database = await asyncpg.connect(self._url)
        # At once, so that the clock never shows the beginning of the epoch.
        async with self._database.transaction():
            await self._database.execute(_SET, datetime.now(UTC))
            await self._database.execute(_STAND_STILL)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._database is not None:
            await self._database.close()

    async def set(self, instant: datetime) -> None:
        """It is this time now; leases last as long from here as they did before."""
        database = self._connected()
        async with database.transaction():
            await database.execute(_KEEP_SESSIONS, instant)
            await database.execute(_SET, instant)

    async def next_due(self, instance_id: UUID) -> datetime | None:
        """When the instance's next timer, timer task or retry is due."""
        found: datetime | None = await self._connected().fetchval(_NEXT_DUE, instance_id)
        return found

    async def at_rest(self, instance_id: UUID) -> None:
        """Wait until the instance was told of every timer that is due. Raises TimeoutError."""
        async with asyncio.timeout(AT_REST_WITHIN_S):
            # Not an event: the control plane is another process.
            while await self._connected().fetchval(_IS_DUE, instance_id):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_EVERY_S)

    def _connected(self) -> asyncpg.Connection:
        assert self._database is not None
        return self._database
