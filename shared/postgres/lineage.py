"""
Of which server the data is: noticed when a connection is made, and when another server answers
in its place.

After a restore to an earlier instant, and after a failover that lost commits, what a process
remembers may be of a past that the database does not have: snapshots, sessions, outcomes that
nobody acknowledged. So a plane that meets another server than before ends, and is started again
with an empty memory.
"""

from collections.abc import Callable

import asyncpg

from shared.errors import Unavailable

# A server is known by its system identifier, a failover and a recovery to an instant by the
# timeline they begin, and a copy within the server by the database's own number.
SERVER = """
SELECT CASE WHEN NOT pg_is_in_recovery() THEN
         concat_ws('/', (SELECT c.system_identifier FROM pg_control_system() AS c),
                   left(pg_walfile_name(pg_current_wal_lsn()), 8),
                   (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())) END
"""

UNKNOWN = ""
"""Of a server that does not tell: some that are not quite PostgreSQL."""


class Lineage:
    """What a process knows of its server. `on_replaced` is called once, when it is another one."""

    def __init__(self, on_replaced: Callable[[], None]) -> None:
        self._on_replaced = on_replaced
        self._known: str | None = None
        self.is_replaced = False

    async def check(self, connection: asyncpg.Connection) -> None:
        """
        Let a new connection pass, unless it leads elsewhere than those before. Raises Unavailable
        then, and for a standby, which serves nobody until it is promoted.
        """
        found = await server_of(connection)
        if found is None:
            raise Unavailable(
                "this PostgreSQL is a standby; connect to its primary, as by"
                " target_session_attrs=read-write",
                reason="DATABASE_UNREACHABLE",
            )
        if self._known is None:
            self._known = found
        if found != self._known and not self.is_replaced:
            self.is_replaced = True
            self._on_replaced()
        if self.is_replaced:
            raise replaced()


def replaced() -> Unavailable:
    return Unavailable(
        "another PostgreSQL answers in the place of the one before: it was restored, or a standby"
        " was promoted. Start this process again, so that it remembers nothing of the other",
        reason="DATABASE_UNREACHABLE",
    )


async def server_of(connection: asyncpg.Connection) -> str | None:
    """What the server and the database are known by; None for a standby."""
    try:
        found: str | None = await connection.fetchval(SERVER)
    except (
        asyncpg.InsufficientPrivilegeError,
        asyncpg.FeatureNotSupportedError,
        asyncpg.UndefinedFunctionError,
    ):
        return UNKNOWN
    return found
