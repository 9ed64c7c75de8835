"""API keys in PostgreSQL."""

import asyncpg

from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.ports.credentials import StoredKey


class PostgresCredentials:
    """Its pool must act as ACROSS_ROLE (shared/postgres/session.py)."""

    def __init__(self, across: asyncpg.Pool) -> None:
        self._pool = ReachedPool(across)

    async def find(self, key_id: str) -> StoredKey | None:
        row = await self._pool.fetchrow(
            """
            SELECT k.key_id, k.tenant_id, k.secret_hash, k.role, k.expires_at, k.revoked_at,
                   k.user_name AS user, k.groups
              FROM foliot.api_key k WHERE k.key_id = $1
            """,
            key_id,
        )
        return None if row is None else StoredKey(**{**row, "groups": tuple(row["groups"])})

    async def add(self, key: StoredKey, tenant_name: str) -> None:
        await self._pool.execute(
            """
            WITH tenant AS (
              INSERT INTO foliot.tenant (tenant_id, display_name)
              SELECT $2, $7 WHERE $2::text IS NOT NULL
              ON CONFLICT DO NOTHING)
            INSERT INTO foliot.api_key
                   (key_id, tenant_id, secret_hash, role, expires_at, revoked_at, user_name,
                    groups)
            VALUES ($1, $2, $3, $4, $5, $6, $8, $9)
            ON CONFLICT (key_id) DO UPDATE
               SET tenant_id = excluded.tenant_id, secret_hash = excluded.secret_hash,
                   role = excluded.role, expires_at = excluded.expires_at,
                   revoked_at = excluded.revoked_at, user_name = excluded.user_name,
                   groups = excluded.groups
            """,
            key.key_id,
            key.tenant_id,
            key.secret_hash,
            key.role,
            key.expires_at,
            key.revoked_at,
            tenant_name,
            key.user,
            list(key.groups),
        )
