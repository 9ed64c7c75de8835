"""API keys in PostgreSQL, from the side of who makes them."""

from collections.abc import Sequence

import asyncpg

from control_plane.adapters.postgres.audit_log import note
from control_plane.adapters.postgres.reaching import ReachedPool, TenantsPool
from control_plane.ports.audit import Noted, Target
from control_plane.ports.credentials import StoredKey
from control_plane.ports.definition_store import RepeatableCreation, RequestIdTaken
from control_plane.ports.key_store import KeyRecord
from shared.errors import LimitExceeded
from shared.ids import TenantId

_READ = """
SELECT k.key_id, k.tenant_id, k.role, k.label, k.created_by, k.created_at, k.expires_at,
       k.revoked_at, k.user_name AS user, k.groups, k.fingerprint,
       sha256(convert_to(k::text, 'UTF8')) AS hash
  FROM foliot.api_key k
"""

_OF = "k.tenant_id IS NOT DISTINCT FROM $1::text"

# Whose keys, as an index can be asked; and of all roles or one.
_OF_TENANT, _OF_PLATFORM = "k.tenant_id = $1", "k.tenant_id IS NULL AND $1::text IS NULL"
_OF_ANY_ROLE, _OF_ROLE = "$4::text IS NULL", "k.role = $4"

# Keys are few, and are made one after the other: two that are made at once keep to the limit.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('api_key ' || coalesce($1::text, ''), 0))"

COUNT = f"""
SELECT count(*) FROM foliot.api_key k
 WHERE {_OF} AND k.revoked_at IS NULL
   AND (k.expires_at IS NULL OR k.expires_at > foliot.now())
"""  # noqa: S608 - statements of ours

CREATE = """
INSERT INTO foliot.api_key
       (key_id, tenant_id, secret_hash, role, expires_at, label, created_by, created_at,
        request_id, fingerprint, user_name, groups)
VALUES ($1, $2, $3, $4, $5, $6, $7, foliot.now(), $8, $9, $10, $11)
"""

REVOKE = """
UPDATE foliot.api_key SET revoked_at = foliot.now() WHERE key_id = $1 AND revoked_at IS NULL
"""

HAS_GOOD = """
SELECT EXISTS (
  SELECT FROM foliot.api_key k
   WHERE k.role = $1 AND k.revoked_at IS NULL
     AND (k.expires_at IS NULL OR k.expires_at > foliot.now()))
"""


class PostgresKeyStore:
    def __init__(self, pool: asyncpg.Pool, across: asyncpg.Pool) -> None:
        """`across` acts as ACROSS_ROLE: keys of operators are no tenant's."""
        self._pool = ReachedPool(pool)
        self._across = ReachedPool(across)

    async def create(
        self,
        key: StoredKey,
        *,
        label: str,
        created_by: str,
        most: int,
        repeatable: RepeatableCreation | None = None,
        noted: Noted | None = None,
    ) -> tuple[KeyRecord, bool]:
        async with self._of(key.tenant_id).transaction() as connection:
            await connection.execute(LOCK, key.tenant_id)
            if repeatable is not None:
                known = await connection.fetchrow(
                    f"{_READ} WHERE {_OF} AND k.request_id = $2",
                    key.tenant_id,
                    repeatable.request_id,
                )
                if known is not None:
                    if known["fingerprint"] != repeatable.fingerprint:
                        raise RequestIdTaken(repeatable.request_id)
                    return _record(known), False
            count = await connection.fetchval(COUNT, key.tenant_id)
            if count >= most:
                raise LimitExceeded("API keys that are good", actual=count + 1, maximum=most)
            await connection.execute(
                CREATE,
                key.key_id,
                key.tenant_id,
                key.secret_hash,
                key.role,
                key.expires_at,
                label,
                created_by,
                None if repeatable is None else repeatable.request_id,
                None if repeatable is None else repeatable.fingerprint,
                key.user,
                list(key.groups),
            )
            row = await _locked(connection, key.tenant_id, key.key_id)
            assert row is not None
            target = Target("api_key", key.key_id)
            await note(connection, noted, key.tenant_id, target, None, row["hash"])
        return _record(row), True

    async def get(self, tenant_id: TenantId | None, key_id: str) -> KeyRecord | None:
        row = await self._of(tenant_id).fetchrow(
            f"{_READ} WHERE {_OF} AND k.key_id = $2", tenant_id, key_id
        )
        return None if row is None else _record(row)

    async def list(
        self, tenant_id: TenantId | None, *, role: str | None, after: str | None, limit: int
    ) -> Sequence[KeyRecord]:
        whose = _OF_PLATFORM if tenant_id is None else _OF_TENANT
        which = _OF_ANY_ROLE if role is None else _OF_ROLE
        rows = await self._of(tenant_id).fetch(
            f"{_READ} WHERE {whose} AND {which} AND k.key_id > $2 ORDER BY k.key_id LIMIT $3",
            tenant_id,
            after or "",
            limit,
            role,
        )
        return [_record(row) for row in rows]

    async def revoke(
        self, tenant_id: TenantId | None, key_id: str, *, noted: Noted | None = None
    ) -> KeyRecord | None:
        async with self._of(tenant_id).transaction() as connection:
            before = await _locked(connection, tenant_id, key_id)
            if before is None:
                return None
            await connection.execute(REVOKE, key_id)
            after = await _locked(connection, tenant_id, key_id)
            assert after is not None
            target = Target("api_key", key_id)
            await note(connection, noted, tenant_id, target, before["hash"], after["hash"])
        return _record(after)

    async def has_good(self, role: str) -> bool:
        return bool(await self._across.fetchval(HAS_GOOD, role))

    def _of(self, tenant_id: TenantId | None) -> TenantsPool | ReachedPool:
        return self._across if tenant_id is None else self._pool.of(tenant_id)


async def _locked(
    connection: asyncpg.Connection, tenant_id: TenantId | None, key_id: str
) -> asyncpg.Record | None:
    return await connection.fetchrow(
        f"{_READ} WHERE {_OF} AND k.key_id = $2 FOR NO KEY UPDATE", tenant_id, key_id
    )


def _record(row: asyncpg.Record) -> KeyRecord:
    values = {name: row[name] for name in KeyRecord.__slots__}
    return KeyRecord(**{**values, "groups": tuple(row["groups"])})
