"""The ports on PostgreSQL, by asyncpg: plain SQL, numbered parameters, a statement a function."""
