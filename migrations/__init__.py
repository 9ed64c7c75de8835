"""The schema's history: `upgrade` brings a database to a revision, HEAD is the newest one."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shared.postgres.session import sqlalchemy_url

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

# Alembic is imported where it is used: a server only asks which revision it needs.

HEAD = "0012"
"""The revision this release needs; a test holds it to the versions folder."""

NOTHING = "base"


async def upgrade(database_url: str, revision: str = HEAD) -> None:
    """Bring the database up to a revision, in one transaction. Safe to repeat and to race."""
    from alembic import command

    await _run(database_url, lambda config: command.upgrade(config, revision))


async def downgrade(database_url: str, revision: str) -> None:
    """Take the database back to a revision. What only newer revisions can hold is lost."""
    from alembic import command

    await _run(database_url, lambda config: command.downgrade(config, revision))


def newest() -> str | None:
    """The newest revision in the versions folder."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config()).get_current_head()


async def _run(database_url: str, change: "Callable[[Config], None]") -> None:
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    def run(connection: "Connection") -> None:
        config = _config()
        config.attributes["connection"] = connection
        change(config)

    engine = create_async_engine(sqlalchemy_url(database_url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
