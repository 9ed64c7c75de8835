"""The schema's history: `upgrade` brings a database to a revision, HEAD is the newest one."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from shared.errors import PreconditionFailed, Unavailable
from shared.postgres.session import CONNECT_WITHIN_S

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

# Alembic is imported where it is used: a server only asks which revision it needs.

HEAD = "0013"
"""The revision this release needs; a test holds it to the versions folder."""

NOTHING = "base"

LOCK = 0x666F6C696F74
"""The advisory lock of whoever migrates a database."""

LOOK_EVERY_S = 0.1

LOCK_TIMEOUT_S = 3.0
"""
How long one statement of a migration waits for a table's lock. While it waits, all who come after
it wait as well.
"""

ATTEMPTS = 10
"""How often a migration that met a lock is tried."""

REST_S = 1.0
"""How long it lets others by before it tries again."""

LOCK_NOT_AVAILABLE = "55P03"

Tell = Callable[[str], None]
"""Takes a line for people."""


class Step(NamedTuple):
    """A migration by its revision, and what it is for."""

    revision: str
    what: str


def silent(_: str) -> None:
    """Tell nobody."""


async def upgrade(
    database_url: str,
    revision: str = HEAD,
    tell: Tell = silent,
    *,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    attempts: int = ATTEMPTS,
    rest_s: float = REST_S,
) -> None:
    """
    Bring the database up to a revision: each migration in a transaction of its own, one after
    the other, and all in one where there is nothing yet that they could hold up. Safe to repeat,
    to race, and to go on with after it was killed.

    Waits while somebody else migrates. A migration that does not get a table's lock in
    `lock_timeout_s` is undone, and tried again after `rest_s`, up to `attempts` times; then it
    raises Unavailable. Raises PreconditionFailed for a database that is beyond `revision`, unless
    it is at one that this release does not know and says that this release may run on it.
    """
    from alembic import command
    from sqlalchemy.exc import DBAPIError

    lock = await _locked(database_url, tell)
    try:
        found = await revision_of(lock)
        if not await _is_to_go_up(lock, found, revision, tell):
            return
        tell(f"from {found or 'nothing'} to {revision}")
        for attempt in range(1, attempts + 1):
            try:
                await _run(
                    database_url,
                    lambda config: command.upgrade(config, revision),
                    tell,
                    lock_timeout_s,
                    one_by_one=found is not None,
                )
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                    raise
                if attempt == attempts:
                    raise Unavailable(
                        f"a table was locked by others for {attempts} times"
                        f" {lock_timeout_s:g} s. What was done stays done: end long transactions"
                        " (pg_stat_activity, pg_locks), and run it again",
                        reason="DATABASE_UNREACHABLE",
                    ) from error
                tell(f"a table is locked; trying again in {rest_s:g} s ({attempt}/{attempts})")
                await asyncio.sleep(rest_s)
            else:
                return
    finally:
        await lock.close()


async def downgrade(database_url: str, revision: str) -> None:
    """
    Take the database back to a revision, for tests and while developing a migration: what only
    newer revisions can hold is lost. A deployment goes back by its code alone.
    """
    from alembic import command

    await _run(database_url, lambda config: command.downgrade(config, revision), silent)


async def revision_of(connection: asyncpg.Connection) -> str | None:
    """The revision a database is at, None for one without our schema."""
    if await connection.fetchval("SELECT to_regclass('foliot.alembic_version') IS NULL"):
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM foliot.alembic_version")
    return found


async def floor_of(connection: asyncpg.Connection | asyncpg.Pool) -> str | None:
    """What the oldest release that may run on the schema knows, None where it does not say."""
    if await connection.fetchval("SELECT to_regclass('foliot.release_floor') IS NULL"):
        return None
    found: str | None = await connection.fetchval("SELECT revision FROM foliot.release_floor")
    return found


def steps() -> list[Step]:
    """All migrations of this release, the oldest first."""
    from alembic.script import ScriptDirectory

    scripts = list(ScriptDirectory.from_config(_config()).walk_revisions())
    return [Step(script.revision, _what(script.doc)) for script in reversed(scripts)]


def newest() -> str | None:
    """The newest revision in the versions folder."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config()).get_current_head()


async def _locked(database_url: str, tell: Tell) -> asyncpg.Connection:
    """
    A connection that has the lock until it is closed. Asked for again and again: a session that
    waits for it would be waited for by an index that is built beside the others' work.
    """
    try:
        connection = await asyncpg.connect(database_url, timeout=CONNECT_WITHIN_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unavailable(
            f"PostgreSQL cannot be reached: {str(error) or 'no answer'}; check"
            " FOLIOT_DATABASE_URL, and that its login may connect",
            reason="DATABASE_UNREACHABLE",
        ) from error
    try:
        has_waited = False
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            if not has_waited:
                tell("somebody else is migrating this database; waiting")
                has_waited = True
            await asyncio.sleep(LOOK_EVERY_S)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def _is_to_go_up(
    connection: asyncpg.Connection, found: str | None, revision: str, tell: Tell
) -> bool:
    known = [step.revision for step in steps()]
    if revision not in known:
        raise PreconditionFailed(f"this release has no revision {revision}; it knows {known[-1]}")
    if found is None:
        return True
    if found not in known:
        floor = await floor_of(connection)
        if found > known[-1] and floor is not None and floor <= HEAD:
            tell(f"nothing to do: the database is at {found}, and this release may run on it")
            return False
        raise PreconditionFailed(
            f"the database is at revision {found}, which this release does not know; run the"
            " release that it belongs to"
        )
    if known.index(found) > known.index(revision):
        raise PreconditionFailed(
            f"the database is at revision {found}, beyond {revision}, and no schema is taken back:"
            " what only the newer one can hold would be lost. To go back, start the release"
            " before on the schema as it is (docs/upgrades.md)"
        )
    if found == revision:
        tell(f"nothing to do: the database is at {found}")
    return found != revision


async def _run(
    database_url: str,
    change: "Callable[[Config], None]",
    tell: Tell,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    *,
    one_by_one: bool = False,
) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    def run(connection: "Connection") -> None:
        config = _config()
        config.attributes["connection"] = connection
        config.attributes["tell"] = tell
        config.attributes["one_by_one"] = one_by_one
        change(config)

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(
            database_url,
            timeout=CONNECT_WITHIN_S,
            server_settings={
                "application_name": "foliot migrate",
                "lock_timeout": f"{round(lock_timeout_s * 1000)}ms",
            },
        )

    # SQLAlchemy's own reading of URLs knows no more than one server.
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def _what(doc: str | None) -> str:
    """The first sentence of a migration's docstring, on one line."""
    return " ".join((doc or "").split()).split(". ")[0].removesuffix(".")


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
