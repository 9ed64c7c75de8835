"""
How a control plane comes to its database: what must hold first, and what it looks up there
for itself. What would hurt later is refused at the start.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import asyncpg

import migrations
from shared.errors import FoliotError, PreconditionFailed, Unavailable
from shared.postgres.lineage import Lineage, server_of
from shared.postgres.session import (
    ACROSS_ROLE,
    CONNECT_WITHIN_S,
    CONTROL_PLANE_ROLE,
    close_pool,
    open_pool,
)
from shared.telemetry.logging import get_logger
from shared.telemetry.names import LogEvent

MAX_SKEW_S = 5.0
"""How far this machine's clock may be from the database's before somebody is told."""

NEEDED_RIGHTS = (
    (CONTROL_PLANE_ROLE, "instance", "SELECT"),
    (CONTROL_PLANE_ROLE, "definition", "INSERT"),
    (ACROSS_ROLE, "instance", "UPDATE"),
    (ACROSS_ROLE, "task", "UPDATE"),
    (ACROSS_ROLE, "ready", "DELETE"),
    (ACROSS_ROLE, "lease", "INSERT"),
    (ACROSS_ROLE, "history", "INSERT"),
)
"""Of each kind one: where one is missing, so are the others that came with it."""

LACKING = """
SELECT n.role, n.table_name, n.right_name
  FROM unnest($1::text[], $2::text[], $3::text[]) AS n(role, table_name, right_name)
 WHERE NOT has_table_privilege(n.role, 'foliot.' || n.table_name, n.right_name)
"""

SAFE_COMMITS = frozenset({"on", "local", "remote_write", "remote_apply"})
TRY_EVERY_S = 0.05

RESTART_FOREIGN_FEED = """
WITH ahead AS MATERIALIZED (
  SELECT FROM foliot.tenant t
   CROSS JOIN LATERAL (
     SELECT f.xid FROM foliot.feed f
      WHERE f.tenant_id = t.tenant_id
      ORDER BY f.xid DESC, f.part DESC
      LIMIT 1) AS newest
   WHERE newest.xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
   LIMIT 1),
removed AS (
  DELETE FROM foliot.feed f WHERE EXISTS (SELECT FROM ahead)),
raised AS (
  INSERT INTO foliot.feed_floor (tenant_id, xid, part, mark)
  SELECT t.tenant_id, pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1, 0,
         (random() * 2147483647)::integer
    FROM foliot.tenant t
   WHERE EXISTS (SELECT FROM ahead)
  ON CONFLICT (tenant_id) DO UPDATE
    SET xid = excluded.xid, part = excluded.part, mark = excluded.mark)
SELECT EXISTS (SELECT FROM ahead)
"""

# Takes turns with other control planes that start: one of them has its row changed. Ids of
# sessions begin with their milliseconds.
RECOGNIZE = """
INSERT INTO foliot.lineage AS l (server, since, sessions_from)
VALUES ($1, clock_timestamp(), '00000000-0000-0000-0000-000000000000')
ON CONFLICT (only_row) DO UPDATE
  SET server = excluded.server, since = excluded.since,
      sessions_from = rpad(lpad(to_hex(
        (extract(epoch FROM excluded.since) * 1000)::bigint), 12, '0'), 32, '0')::uuid
  WHERE l.server <> excluded.server
RETURNING l.sessions_from <> '00000000-0000-0000-0000-000000000000'
"""

_log = get_logger(__name__)


async def until_usable(
    database_url: str, pool_size: int, within_s: float, lineage: Lineage | None = None
) -> asyncpg.Pool:
    """
    A pool on a database whose schema this release may run on.

    Waits up to `within_s` for the database to answer, and for a migration to reach it; then
    raises what is still wrong: Unavailable or PreconditionFailed.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    while True:
        try:
            return await _usable(database_url, pool_size, lineage)
        except FoliotError:
            if loop.time() >= until:
                raise
        await asyncio.sleep(TRY_EVERY_S)


async def _usable(database_url: str, pool_size: int, lineage: Lineage | None) -> asyncpg.Pool:
    pool = await open_pool(
        database_url, role=CONTROL_PLANE_ROLE, max_size=pool_size, lineage=lineage
    )
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await check_schema(pool)
            await check_rights(pool)
            await make_partitions(pool)
            await recognize(pool)
            await restart_foreign_feed(pool)
    except (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError) as error:
        pool.terminate()
        raise Unavailable(
            "PostgreSQL accepts connections and does not answer; check the server, and the"
            " network to it",
            reason="DATABASE_UNREACHABLE",
        ) from error
    except BaseException:
        # Closing would wait for a server that may not answer.
        pool.terminate()
        raise
    return pool


@asynccontextmanager
async def two_pools(database_url: str) -> AsyncIterator[tuple[asyncpg.Pool, asyncpg.Pool]]:
    """One that sees a tenant at a time, and one that sees them all."""
    async with (
        pool_of(database_url, CONTROL_PLANE_ROLE, 2) as pool,
        pool_of(database_url, ACROSS_ROLE, 1) as across,
    ):
        yield pool, across


@asynccontextmanager
async def pool_of(
    database_url: str,
    role: str,
    size: int,
    plans: Mapping[str, str] | None = None,
    lineage: Lineage | None = None,
) -> AsyncIterator[asyncpg.Pool]:
    """One that acts as a role, and is closed when the block is left."""
    pool = await open_pool(database_url, role=role, max_size=size, settings=plans, lineage=lineage)
    try:
        yield pool
    finally:
        await close_pool(pool)


async def make_partitions(pool: asyncpg.Pool) -> None:
    """
    Make this month's history partition before anything is written, if that can be done at once.

    What was stopped for months finds none: rows would go to the default partition, and keep
    their month's from being made. Where it cannot be done, housekeeping tries again.
    """
    try:
        await pool.execute("SELECT foliot.ensure_history_partitions()")
    except asyncpg.PostgresError as error:
        _log.warning(LogEvent.DATABASE_UNAVAILABLE, error=f"{type(error).__name__}: {error}")


async def check_schema(pool: asyncpg.Pool) -> None:
    """
    Raises PreconditionFailed unless this release may run on the database's schema: one that has
    all that this code knows, and from which nothing of that has been taken away since.
    """
    wanted = migrations.HEAD
    has_schema = await pool.fetchval(
        "SELECT has_schema_privilege(n.oid, 'USAGE') FROM pg_namespace n WHERE n.nspname = 'foliot'"
    )
    if not has_schema or not await pool.fetchval(
        "SELECT to_regclass('foliot.alembic_version') IS NOT NULL"
    ):
        raise PreconditionFailed("the database has no foliot schema; run `foliot migrate`")
    found = await pool.fetchval("SELECT version_num FROM foliot.alembic_version")
    if found == wanted:
        return
    floor = await migrations.floor_of(pool)
    if not is_newer(found, wanted) or floor is None:
        raise PreconditionFailed(
            f"the database is at revision {found}, this release needs {wanted}; run `foliot"
            " migrate` with this release, or start the release that the database belongs to"
        )
    if floor > wanted:
        raise PreconditionFailed(
            f"the database is at revision {found}, and serves releases of revision {floor} or"
            f" newer; this one is of {wanted}. Start a newer release (docs/upgrades.md)"
        )
    _log.info(LogEvent.SCHEMA_NEWER, found=found, known=wanted)


def is_newer(found: str | None, wanted: str) -> bool:
    """Whether a revision comes after one; what is no revision of ours does not."""
    return found is not None and found.isdecimal() and found > wanted


async def recognize(pool: asyncpg.Pool) -> None:
    """
    Notice that the data came to another server since a control plane last looked: by a restore,
    or a failover.

    What was promised on the server before may not have come along. Sessions of executors are
    void: what they held is for others to claim, and none of them is extended again.
    """
    async with pool.acquire() as connection, connection.transaction():
        server = await server_of(connection)
        await connection.execute(f"SET LOCAL ROLE {ACROSS_ROLE}")
        if server and await connection.fetchval(RECOGNIZE, server):
            await connection.execute("DELETE FROM foliot.executor_session")
            _log.warning(LogEvent.DATABASE_REPLACED)


async def restart_foreign_feed(pool: asyncpg.Pool) -> None:
    """
    Begin the feeds anew if they were written by another server, and restored here from a dump.

    Transaction ids are a server's own. Rows with ids that this one has yet to give out would
    come after what happens next; whoever follows is told to begin anew.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL ROLE {ACROSS_ROLE}")
        if await connection.fetchval(RESTART_FOREIGN_FEED):
            _log.warning(LogEvent.FEED_RESTARTED)


async def check_rights(pool: asyncpg.Pool) -> None:
    """Raises PreconditionFailed if a role lacks rights, as after a restore without them."""
    roles, tables, rights = zip(*NEEDED_RIGHTS, strict=True)
    rows = await pool.fetch(LACKING, list(roles), list(tables), list(rights))
    if rows:
        lacking = "; ".join(f"{role} may not {right} foliot.{table}" for role, table, right in rows)
        raise PreconditionFailed(
            f"the database's roles lack rights: {lacking}. Restore it with its privileges"
            " (pg_restore without --no-privileges), or grant what a migrated database has"
        )


async def warn_of_skew(pool: asyncpg.Pool, now: Callable[[], float] = time.time) -> None:
    """
    Say if this machine's clock is not the database's. What is due goes by the database's; keys,
    tokens and certificates expire by this machine's.
    """
    before = now()
    told = await pool.fetchval("SELECT clock_timestamp()")
    took = now() - before
    skew = told.timestamp() - before - took / 2
    if abs(skew) > MAX_SKEW_S + took / 2:
        _log.warning(LogEvent.CLOCK_SKEWED, skew_s=round(skew, 1))


async def check_durability(pool: asyncpg.Pool) -> None:
    """Raises PreconditionFailed if a commit could be lost, or time is moved: dev may do that."""
    if await pool.fetchval("SELECT current_setting('fsync')") != "on":
        raise PreconditionFailed(
            "PostgreSQL runs with fsync off: a crash would lose commits. Set fsync = on, or"
            " FOLIOT_MODE=dev if nothing in it matters"
        )
    commit = await pool.fetchval("SELECT current_setting('synchronous_commit')")
    if commit not in SAFE_COMMITS:
        raise PreconditionFailed(
            f"PostgreSQL runs with synchronous_commit = {commit}: a crash would lose answered"
            " requests. Set it to on, or FOLIOT_MODE=dev if nothing in it matters"
        )
    if await pool.fetchval("SELECT moved_by <> interval '0' FROM foliot.clock"):
        raise PreconditionFailed(
            "the database's clock is moved (foliot.clock), as tests do. Set moved_by to 0, or"
            " FOLIOT_MODE=dev if that is meant"
        )
