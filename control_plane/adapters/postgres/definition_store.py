"""Definitions in PostgreSQL: versions without gaps, and at most one of a key active."""

from collections.abc import Sequence

import asyncpg

from control_plane.adapters.postgres.audit_log import note, noting
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.adapters.postgres.rows import definition_of
from control_plane.ports.audit import Noted, Target
from control_plane.ports.definition_store import RepeatableCreation, RequestIdTaken
from control_plane.ports.instance_store import REQUEST_SCOPE
from control_plane.ports.records import Definition, DefinitionStatus, JsonText
from shared import json
from shared.errors import PreconditionFailed
from shared.ids import DefinitionId, TenantId, new_uuid7

HASH = """
SELECT sha256(convert_to(row(d.spec_hash, d.status)::text, 'UTF8'))
  FROM foliot.definition d WHERE d.tenant_id = $1 AND d.definition_id = $2
"""


# `key >=` is for the index; the rows before `after` under its key are few.
_LIST = """
SELECT d.*
  FROM foliot.definition d
 WHERE d.tenant_id = $1{narrowed}
   AND d.key >= coalesce($2, $3, '')
   AND ($2::text IS NULL OR d.key = $2)
   AND ($3::text IS NULL OR d.key > $3 OR (d.key = $3 AND d.version < $4))
 ORDER BY d.key, d.version DESC
 LIMIT $5
"""
LIST = _LIST.format(narrowed="")
LIST_OF_STATUS = _LIST.format(narrowed=" AND d.status = $6 AND d.version > 0")
"""The index by status says that condition, which holds of every row; a turn does not."""


class PostgresDefinitionStore:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = ReachedPool(pool)

    async def create(
        self,
        tenant_id: TenantId,
        *,
        key: str,
        spec: JsonText,
        spec_hash: bytes,
        description: str,
        created_by: str,
        repeatable: RepeatableCreation | None = None,
        noted: Noted | None = None,
    ) -> Definition:
        definition_id = DefinitionId(new_uuid7())
        async with self._pool.of(tenant_id).transaction() as connection:
            if repeatable is not None and not await _remember(
                connection, tenant_id, repeatable, definition_id
            ):
                return await _created_before(connection, tenant_id, repeatable)
            await _lock_key(connection, tenant_id, key)
            row = await connection.fetchrow(
                """
                INSERT INTO foliot.definition
                       (tenant_id, definition_id, key, version, status, spec, spec_hash,
                        description, created_by, created_at)
                SELECT $1, $2, $3, coalesce(max(d.version), 0) + 1, 'inactive', $4, $5,
                       $6, $7, foliot.now()
                  FROM foliot.definition d
                 WHERE d.tenant_id = $1 AND d.key = $3
                RETURNING *
                """,
                tenant_id,
                definition_id,
                key,
                spec,
                spec_hash,
                description,
                created_by,
            )
            if noted is not None:
                after = await connection.fetchval(HASH, tenant_id, definition_id)
                await note(connection, noted, tenant_id, _target(definition_id), None, after)
        return definition_of(row)

    async def get(self, tenant_id: TenantId, definition_id: DefinitionId) -> Definition | None:
        row = await self._pool.of(tenant_id).fetchrow(
            "SELECT d.* FROM foliot.definition d WHERE d.tenant_id = $1 AND d.definition_id = $2",
            tenant_id,
            definition_id,
        )
        return None if row is None else definition_of(row)

    async def find(self, tenant_id: TenantId, key: str, version: int | None) -> Definition | None:
        row = await (
            self._find_active(tenant_id, key)
            if version is None
            else self._find_version(tenant_id, key, version)
        )
        return None if row is None else definition_of(row)

    async def list(
        self,
        tenant_id: TenantId,
        *,
        key: str | None,
        status: DefinitionStatus | None,
        after: tuple[str, int] | None,
        limit: int,
    ) -> Sequence[Definition]:
        rows = await self._pool.of(tenant_id).fetch(
            LIST if status is None else LIST_OF_STATUS,
            tenant_id,
            key,
            *(after or (None, None)),
            limit,
            *([] if status is None else [status]),
        )
        return [definition_of(row) for row in rows]

    async def set_status(
        self,
        tenant_id: TenantId,
        definition_id: DefinitionId,
        status: DefinitionStatus,
        *,
        noted: Noted | None = None,
    ) -> Definition | None:
        found = await self.get(tenant_id, definition_id)
        if found is None:
            return None
        pool, target = self._pool.of(tenant_id), _target(definition_id)
        async with noting(
            pool, noted, tenant_id, target, HASH, tenant_id, definition_id
        ) as connection:
            await _lock_key(connection, tenant_id, found.key)
            if status == "active":
                await _deactivate_others(connection, found)
            row = await connection.fetchrow(
                """
                UPDATE foliot.definition
                   SET status = $3,
                       activated_at = CASE WHEN $3 = 'active' AND status <> 'active'
                                           THEN foliot.now() ELSE activated_at END
                 WHERE tenant_id = $1 AND definition_id = $2
                   AND (status <> 'archived' OR $3 = 'archived')
                RETURNING *
                """,
                tenant_id,
                definition_id,
                status,
            )
            if row is None:
                raise PreconditionFailed(
                    f"version {found.version} of definition {found.key!r} is archived, for good;"
                    " create a new version from its spec",
                    reason="DEFINITION_ARCHIVED",
                )
        return definition_of(row)

    async def _find_active(self, tenant_id: TenantId, key: str) -> asyncpg.Record | None:
        return await self._pool.of(tenant_id).fetchrow(
            """
            SELECT d.* FROM foliot.definition d
             WHERE d.tenant_id = $1 AND d.key = $2 AND d.status = 'active'
            """,
            tenant_id,
            key,
        )

    async def _find_version(
        self, tenant_id: TenantId, key: str, version: int
    ) -> asyncpg.Record | None:
        return await self._pool.of(tenant_id).fetchrow(
            """
            SELECT d.* FROM foliot.definition d
             WHERE d.tenant_id = $1 AND d.key = $2 AND d.version = $3
            """,
            tenant_id,
            key,
            version,
        )


def _target(definition_id: DefinitionId) -> Target:
    return Target("definition", str(definition_id))


async def _remember(
    connection: asyncpg.Connection,
    tenant_id: TenantId,
    repeatable: RepeatableCreation,
    definition_id: DefinitionId,
) -> bool:
    """
    Take the request id; false if it is taken.

    Waits for whoever is taking it at this moment: it is theirs if they commit, ours if not.
    """
    took: bool | None = await connection.fetchval(
        """
        INSERT INTO foliot.idempotency (tenant_id, scope, key, fingerprint, answer, created_at)
        VALUES ($1, $2, $3, $4, $5, foliot.now())
        ON CONFLICT (tenant_id, scope, key) DO NOTHING
        RETURNING true
        """,
        tenant_id,
        REQUEST_SCOPE,
        repeatable.request_id,
        repeatable.fingerprint,
        json.dump({"definition_id": str(definition_id)}),
    )
    return bool(took)


async def _created_before(
    connection: asyncpg.Connection, tenant_id: TenantId, repeatable: RepeatableCreation
) -> Definition:
    """The definition that the request id stands for. Raises RequestIdTaken if it is another's."""
    row = await connection.fetchrow(
        """
        SELECT d.*
          FROM foliot.idempotency a
          JOIN foliot.definition d
            ON d.tenant_id = a.tenant_id AND d.definition_id = (a.answer ->> 'definition_id')::uuid
         WHERE a.tenant_id = $1 AND a.scope = $2 AND a.key = $3 AND a.fingerprint = $4
        """,
        tenant_id,
        REQUEST_SCOPE,
        repeatable.request_id,
        repeatable.fingerprint,
    )
    if row is None:
        raise RequestIdTaken(repeatable.request_id)
    return definition_of(row)


async def _lock_key(connection: asyncpg.Connection, tenant_id: TenantId, key: str) -> None:
    """One writer a key at a time, until the transaction ends. A tenant id holds no space."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{tenant_id} {key}"
    )


async def _deactivate_others(connection: asyncpg.Connection, chosen: Definition) -> None:
    await connection.execute(
        """
        UPDATE foliot.definition SET status = 'inactive'
         WHERE tenant_id = $1 AND key = $2 AND definition_id <> $3 AND status = 'active'
        """,
        chosen.tenant_id,
        chosen.key,
        chosen.definition_id,
    )
