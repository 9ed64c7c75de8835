"""Alembic's entry: runs on the connection that migrations/__init__.py hands over."""

from alembic import context
from sqlalchemy import Connection, text

from shared.postgres.tables import SCHEMA, metadata

# Two servers may migrate at the same start; the second waits, then finds nothing to do.
MIGRATION_LOCK = 0x666F6C696F74


def migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=SCHEMA,
        include_schemas=True,
    )
    context.run_migrations()


migrate(context.config.attributes["connection"])
