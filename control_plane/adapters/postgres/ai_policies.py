"""Policies and switches in PostgreSQL."""

from collections.abc import Sequence

import asyncpg

from control_plane.adapters.postgres.ai_platform_policies import PlatformPolicies
from control_plane.adapters.postgres.ai_rows import policy_of
from control_plane.adapters.postgres.audit_log import note
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.adapters.postgres.rows import Row
from control_plane.ports.ai_policies import EVERYTHING, AiPolicy, AiSwitch, policy_target
from control_plane.ports.audit import Noted, Target
from shared import json
from shared.errors import LimitExceeded
from shared.ids import TenantId

# Versions of a tenant are made one at a time, as its row is locked: two get two numbers.
LOCK_TENANT = "SELECT 1 FROM foliot.tenant t WHERE t.tenant_id = $1 FOR NO KEY UPDATE"

NEWEST = """
SELECT p.* FROM foliot.ai_policy p
 WHERE p.tenant_id = $1 AND p.name = $2
 ORDER BY p.version DESC LIMIT 1
"""

INSERT = """
INSERT INTO foliot.ai_policy
       (tenant_id, name, version, document, sha256, is_active, created_at, created_by)
VALUES ($1, $2, $3, $4, $5, false, clock_timestamp(), $6)
RETURNING *
"""

DEACTIVATE = """
UPDATE foliot.ai_policy p SET is_active = false
 WHERE p.tenant_id = $1 AND p.name = $2 AND p.is_active AND p.version <> $3
RETURNING *
"""

ACTIVATE = """
UPDATE foliot.ai_policy p SET is_active = true
 WHERE p.tenant_id = $1 AND p.name = $2 AND p.version = $3
RETURNING *
"""

SWITCH_OFF = """
INSERT INTO foliot.ai_switch (tenant_id, policy_name, reason, switched_by, switched_at)
VALUES ($1, $2, $3, $4, clock_timestamp())
ON CONFLICT DO NOTHING
RETURNING *
"""

HALT = """
INSERT INTO foliot.ai_halt (reason, switched_by, switched_at) VALUES ($1, $2, clock_timestamp())
ON CONFLICT DO NOTHING
RETURNING *
"""

SWITCHES = """
SELECT NULL AS tenant_id, '' AS policy_name, h.reason, h.switched_by, h.switched_at
  FROM foliot.ai_halt h
 UNION ALL
(SELECT s.* FROM foliot.ai_switch s WHERE s.tenant_id = $1 ORDER BY s.policy_name)
"""


# `name >=` is for the index; the rows before the place under its name are few.
_LIST = """
SELECT p.* FROM foliot.ai_policy p
 WHERE p.tenant_id = $1 AND {which}
   AND p.name >= $3 AND (p.name > $3 OR (p.name = $3 AND p.version < $4))
 ORDER BY p.name, p.version DESC
 LIMIT $5
"""
LIST = _LIST.format(which="$2 = ''")
LIST_OF_NAME = _LIST.format(which="p.name = $2")


class PostgresAiPolicies:
    def __init__(self, pool: asyncpg.Pool, across: asyncpg.Pool) -> None:
        """`across` acts as ACROSS_ROLE: the platform's switch and policy are no tenant's."""
        self._pool = ReachedPool(pool)
        self._across = ReachedPool(across)
        self._of_platform = PlatformPolicies(self._across)

    async def create(
        self,
        tenant_id: TenantId | None,
        name: str,
        document: str,
        sha256: str,
        *,
        by: str,
        max_versions: int,
        noted: Noted | None = None,
    ) -> AiPolicy:
        if tenant_id is None:
            return await self._of_platform.create(
                document, sha256, by=by, max_versions=max_versions, noted=noted
            )
        async with self._pool.of(tenant_id).transaction() as connection:
            await connection.execute(LOCK_TENANT, tenant_id)
            newest = await connection.fetchrow(NEWEST, tenant_id, name)
            if newest is not None and newest["sha256"] == sha256:
                return policy_of(newest)
            count = await connection.fetchval(
                "SELECT count(*) FROM foliot.ai_policy p WHERE p.tenant_id = $1", tenant_id
            )
            if count >= max_versions:
                raise LimitExceeded("versions of AI policies", actual=count, maximum=max_versions)
            version = 1 if newest is None else newest["version"] + 1
            row = await connection.fetchrow(INSERT, tenant_id, name, version, document, sha256, by)
            await note(connection, noted, tenant_id, policy_target(name, version), None, _hash(row))
        return policy_of(row)

    async def get(
        self, tenant_id: TenantId | None, name: str, version: int | None
    ) -> AiPolicy | None:
        if tenant_id is None:
            return await self._of_platform.get(version)
        row = await self._pool.of(tenant_id).fetchrow(
            """
            SELECT p.* FROM foliot.ai_policy p
             WHERE p.tenant_id = $1 AND p.name = $2
               AND CASE WHEN $3::int IS NULL THEN p.is_active ELSE p.version = $3 END
            """,
            tenant_id,
            name,
            version,
        )
        return None if row is None else policy_of(row)

    async def list(
        self, tenant_id: TenantId | None, name: str, *, after: tuple[str, int] | None, limit: int
    ) -> Sequence[AiPolicy]:
        if tenant_id is None:
            return await self._of_platform.list(below=after and after[1], limit=limit)
        rows = await self._pool.of(tenant_id).fetch(
            LIST_OF_NAME if name else LIST,
            tenant_id,
            name,
            *(after or ("", 0)),
            limit,
        )
        return [policy_of(row) for row in rows]

    async def activate(
        self, tenant_id: TenantId | None, name: str, version: int, *, noted: Noted | None = None
    ) -> AiPolicy | None:
        if tenant_id is None:
            return await self._of_platform.activate(version, noted=noted)
        async with self._pool.of(tenant_id).transaction() as connection:
            await connection.execute(LOCK_TENANT, tenant_id)
            found = await connection.fetchrow(
                """
                SELECT p.* FROM foliot.ai_policy p
                 WHERE p.tenant_id = $1 AND p.name = $2 AND p.version = $3
                """,
                tenant_id,
                name,
                version,
            )
            if found is None or found["is_active"]:
                return None if found is None else policy_of(found)
            await connection.execute(DEACTIVATE, tenant_id, name, version)
            row = await connection.fetchrow(ACTIVATE, tenant_id, name, version)
            target = policy_target(name, version)
            await note(connection, noted, tenant_id, target, _hash(found), _hash(row))
        return policy_of(row)

    async def deactivate(
        self, tenant_id: TenantId | None, name: str, *, noted: Noted | None = None
    ) -> AiPolicy | None:
        if tenant_id is None:
            return await self._of_platform.deactivate(noted=noted)
        async with self._pool.of(tenant_id).transaction() as connection:
            row = await connection.fetchrow(DEACTIVATE, tenant_id, name, 0)
            if row is None:
                return None
            target = policy_target(name, row["version"])
            await note(connection, noted, tenant_id, target, None, _hash(row))
        return policy_of(row)

    async def switch_off(
        self,
        tenant_id: TenantId | None,
        policy_name: str,
        *,
        reason: str,
        by: str,
        noted: Noted | None = None,
    ) -> AiSwitch:
        if tenant_id is None:
            async with self._across.transaction() as connection:
                row = await connection.fetchrow(HALT, reason, by)
                if row is not None:
                    target = Target("ai_switch", policy_name)
                    await note(connection, noted, None, target, None, _hash(row))
                row = await connection.fetchrow("SELECT h.* FROM foliot.ai_halt h")
            return _switch(row, None, EVERYTHING)
        async with self._pool.of(tenant_id).transaction() as connection:
            row = await connection.fetchrow(SWITCH_OFF, tenant_id, policy_name, reason, by)
            if row is not None:
                target = Target("ai_switch", policy_name)
                await note(connection, noted, tenant_id, target, None, _hash(row))
            else:
                row = await connection.fetchrow(
                    """
                    SELECT s.* FROM foliot.ai_switch s
                     WHERE s.tenant_id = $1 AND s.policy_name = $2
                    """,
                    tenant_id,
                    policy_name,
                )
        return _switch(row, tenant_id, policy_name)

    async def switch_on(
        self, tenant_id: TenantId | None, policy_name: str, *, noted: Noted | None = None
    ) -> bool:
        target = Target("ai_switch", policy_name)
        if tenant_id is None:
            async with self._across.transaction() as connection:
                row = await connection.fetchrow("DELETE FROM foliot.ai_halt RETURNING *")
                if row is not None:
                    await note(connection, noted, None, target, _hash(row), None)
            return row is not None
        async with self._pool.of(tenant_id).transaction() as connection:
            row = await connection.fetchrow(
                """
                DELETE FROM foliot.ai_switch s
                 WHERE s.tenant_id = $1 AND s.policy_name = $2
                RETURNING *
                """,
                tenant_id,
                policy_name,
            )
            if row is not None:
                await note(connection, noted, tenant_id, target, _hash(row), None)
        return row is not None

    async def switches(self, tenant_id: TenantId | None) -> Sequence[AiSwitch]:
        if tenant_id is None:
            rows = await self._across.fetch("SELECT h.* FROM foliot.ai_halt h")
            return [_switch(row, None, EVERYTHING) for row in rows]
        rows = await self._pool.of(tenant_id).fetch(SWITCHES, tenant_id)
        return [_switch(row, row["tenant_id"], row["policy_name"]) for row in rows]


def _switch(row: Row, tenant_id: TenantId | None, policy_name: str) -> AiSwitch:
    return AiSwitch(
        tenant_id=tenant_id,
        policy_name=policy_name,
        reason=row["reason"],
        switched_by=row["switched_by"],
        switched_at=row["switched_at"],
    )


def _hash(row: asyncpg.Record) -> bytes:
    return json.digest(repr(tuple(row)))
