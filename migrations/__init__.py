"""The schema's history: `upgrade` brings a database to a revision, `head` says which is newest."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.postgres.session import sqlalchemy_url

HEAD = "head"
NOTHING = "base"


def head() -> str:
    """The newest revision this code knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError("the migrations folder is empty: this installation is broken")
    return revision


async def upgrade(database_url: str, revision: str = HEAD) -> None:
    """Bring the database up to a revision, in one transaction. Safe to repeat and to race."""
    await _run(database_url, lambda config: command.upgrade(config, revision))


async def downgrade(database_url: str, revision: str) -> None:
    """Take the database back to a revision. What only newer revisions can hold is lost."""
    await _run(database_url, lambda config: command.downgrade(config, revision))


async def _run(database_url: str, change: Callable[[Config], None]) -> None:
    def run(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        change(config)

    engine = create_async_engine(sqlalchemy_url(database_url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_here()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _here() -> Path:
    with resources.as_file(resources.files(__name__)) as path:
        return path
