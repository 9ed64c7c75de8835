"""
How a plane connects: one URL, one role, timeouts that no forgotten transaction outlives.

A URL is libpq's: `postgresql://user@host/database`, `?host=/a/directory` for a unix socket.
"""

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.errors import Unavailable
from shared.ids import TenantId
from shared.postgres.lineage import Lineage

CONTROL_PLANE_ROLE = "foliot_control_plane"
"""Sees one tenant at a time: the one that its transaction names (`in_scope_of`)."""

ACROSS_ROLE = "foliot_across"
"""
Sees every tenant: for turns, the feed's tailer and the loops, in pools that no request is given.
The control plane's role may become it, and has none of its rights until then.
"""

EXECUTOR_ROLE = "foliot_executor"
CALLER_ROLE = "foliot_caller"
"""Nobody logs in as this one: logins of callers are made members of it."""

OLDEST_SERVER = 150_000
APPLICATION_NAME = "foliot"

TIMEOUTS: Mapping[str, str] = {
    # A paused client inside a transaction keeps its row locks, and TCP keepalive does not
    # notice: the server must end it.
    "idle_in_transaction_session_timeout": "10s",
    "statement_timeout": "30s",
    "lock_timeout": "5s",
}
TRANSACTION_TIMEOUT = ("transaction_timeout", "40s")
TRANSACTION_TIMEOUT_SINCE = 170_000

CONNECT_WITHIN_S = 10.0
"""The longest to wait for a connection to be made, and as long again for its settings."""

ANSWER_WITHIN_S = 35.0
"""
The longest to wait for an answer, waiting for a free connection included. The server ends a
statement before; this is for the network that lost the answer, or the server, and says nothing.
"""

# The server's side of the same: it closes what a vanished client left. They mean nothing on
# a unix socket, and are the server's to ignore where its system has no such option.
KEEPALIVES: Mapping[str, str] = {
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30s",
}

# The batch statements join arrays of unknown length with large tables. A plan made while
# the tables were empty would scan them for ever after; index nested loops are right at
# every size, so nothing else is offered.
HOT_PLANS: Mapping[str, str] = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}

ANY_SIZE = 0
"""
Statements are kept prepared whatever their length. The statement of a turn is longer than the
15 KiB that asyncpg keeps by default, and parsing and planning it takes PostgreSQL 5 ms.
"""

SCOPE = "foliot.tenant"
"""The setting that says which tenant a transaction is about; foliot.scope() reads it."""

_SET = """
SELECT set_config(wanted.name, wanted.value, false)
  FROM unnest($1::text[], $2::text[]) AS wanted(name, value)
"""

# A tenant's id as the table of tenants has it: nothing in it ends a literal.
_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

_REFUSALS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    # What SET ROLE says of a role that does not exist.
    asyncpg.InvalidParameterValueError,
)


def sqlalchemy_url(database_url: str) -> str:
    """The same database for SQLAlchemy's asyncpg dialect."""
    parts = urlsplit(database_url)
    return urlunsplit(parts._replace(scheme="postgresql+asyncpg"))


def in_scope_of(tenant_id: TenantId) -> str:
    """
    The statement by which a transaction says that it is about a tenant, and ends saying so.

    It goes with BEGIN in one round trip, so it is text and has no parameters. What cannot be a
    tenant's id becomes one that no tenant has: such a tenant has no rows.
    """
    name = tenant_id if _PLAIN.fullmatch(tenant_id) else "-"
    return f"SET LOCAL {SCOPE} = '{name}'"


async def open_pool(
    database_url: str,
    *,
    role: str,
    max_size: int,
    min_size: int = 1,
    settings: Mapping[str, str] | None = None,
    lineage: Lineage | None = None,
) -> asyncpg.Pool:
    """
    A pool whose connections act as `role` and obey the timeouts: the server's, and a
    statement's of ANSWER_WITHIN_S here, where the server may be out of reach. With a `min_size`
    of 0 nothing is asked of the server before the first use.

    The login in the URL must be the role itself or a member of it. Raises Unavailable
    when the server cannot be reached, is older than PostgreSQL 15, or does not let the
    login in as the role: what a migration under way may change; and, with a `lineage`, when
    another server answers than the one before.
    """

    async def prepare(connection: asyncpg.Connection) -> None:
        version = connection.get_server_version()
        number = version.major * 10_000 + version.minor
        if number < OLDEST_SERVER:
            raise Unavailable(
                f"PostgreSQL {version.major} is too old: foliot needs 15 or newer",
                reason="DATABASE_TOO_OLD",
            )
        wanted = {**TIMEOUTS, **KEEPALIVES, **(settings or {})}
        if number >= TRANSACTION_TIMEOUT_SINCE:
            wanted.update([TRANSACTION_TIMEOUT])
        await connection.execute(_SET, list(wanted), list(wanted.values()))
        await connection.execute(f"SET ROLE {role}")
        if lineage is not None:
            await lineage.check(connection)

    async def prepare_in_time(connection: asyncpg.Connection) -> None:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await prepare(connection)
        except BaseException:
            # The pool would take leave of the server, and wait for it to answer.
            connection.terminate()
            raise

    try:
        return await asyncpg.create_pool(
            database_url,
            min_size=min_size,
            max_size=max_size,
            init=prepare_in_time,
            timeout=CONNECT_WITHIN_S,
            command_timeout=ANSWER_WITHIN_S,
            max_cacheable_statement_size=ANY_SIZE,
            # Connections stay, with the plans they have; a timer of each would be set anew at
            # every use, which is a third of what a use costs.
            max_inactive_connection_lifetime=0,
            # The pool's own reset would undo the settings above; nothing here needs it, as
            # no connection is handed back with a transaction or a lock of its session.
            reset=_keep,
            server_settings={"application_name": APPLICATION_NAME},
        )
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError) as error:
        raise Unavailable(
            f"PostgreSQL cannot be reached: {str(error) or 'no answer'}; check FOLIOT_DATABASE_URL",
            reason="DATABASE_UNREACHABLE",
        ) from error
    except _REFUSALS as error:
        raise Unavailable(
            f"PostgreSQL refuses: {error}. Check FOLIOT_DATABASE_URL; run `foliot migrate`, which"
            f" makes the role {role}; and grant it to the login",
            reason="DATABASE_REFUSED",
        ) from error


async def _keep(connection: asyncpg.Connection) -> None:
    """Hand a connection back as it is."""


async def close_pool(pool: asyncpg.Pool) -> None:
    """Close a pool politely, and at once where the server does not answer any more."""
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await pool.close()
    except TimeoutError:
        pool.terminate()
