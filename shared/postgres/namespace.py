"""What tells one database from every other, so that systems may share a Redis."""

import hashlib

import asyncpg

LENGTH = 16


async def read_namespace(pool: asyncpg.Pool) -> str:
    """The same for every process on a database, whatever URL it came by."""
    # The identifier is made when a cluster is, and copied to its standbys.
    cluster, database = await pool.fetchrow(
        "SELECT system_identifier::text, current_database()::text FROM pg_control_system()"
    )
    return hashlib.sha256(f"{cluster}/{database}".encode()).hexdigest()[:LENGTH]
