"""The platform's own policy in PostgreSQL: versions that bind the AI tasks of all tenants."""

from collections.abc import Sequence

import asyncpg

from control_plane.adapters.postgres.ai_rows import policy_of
from control_plane.adapters.postgres.audit_log import note
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.ports.ai_policies import PLATFORM_POLICY, AiPolicy, policy_target
from control_plane.ports.audit import Noted
from shared import json
from shared.errors import LimitExceeded

# Versions are made and put in force one at a time.
LOCK = "LOCK TABLE foliot.ai_platform_policy IN SHARE ROW EXCLUSIVE MODE"

INSERT = """
INSERT INTO foliot.ai_platform_policy
       (version, document, sha256, is_active, created_at, created_by)
VALUES ($1, $2, $3, false, clock_timestamp(), $4)
RETURNING *
"""

DEACTIVATE = """
UPDATE foliot.ai_platform_policy p SET is_active = false
 WHERE p.is_active AND p.version <> $1
RETURNING *
"""

ACTIVATE = """
UPDATE foliot.ai_platform_policy p SET is_active = true WHERE p.version = $1
RETURNING *
"""

GET = """
SELECT p.* FROM foliot.ai_platform_policy p
 WHERE CASE WHEN $1::int IS NULL THEN p.is_active ELSE p.version = $1 END
"""

PAGE = """
SELECT p.* FROM foliot.ai_platform_policy p
 WHERE $1::int IS NULL OR p.version < $1
 ORDER BY p.version DESC LIMIT $2
"""


class PlatformPolicies:
    def __init__(self, across: ReachedPool) -> None:
        """`across` acts as ACROSS_ROLE: the platform's policy is no tenant's."""
        self._across = across

    async def create(
        self, document: str, sha256: str, *, by: str, max_versions: int, noted: Noted | None
    ) -> AiPolicy:
        async with self._across.transaction() as connection:
            await connection.execute(LOCK)
            newest = await connection.fetchrow(PAGE, None, 1)
            if newest is not None and newest["sha256"] == sha256:
                return _policy(newest)
            version = 1 if newest is None else newest["version"] + 1
            if version > max_versions:
                raise LimitExceeded(
                    "versions of AI policies", actual=version - 1, maximum=max_versions
                )
            row = await connection.fetchrow(INSERT, version, document, sha256, by)
            target = policy_target(PLATFORM_POLICY, version)
            await note(connection, noted, None, target, None, _hash(row))
        return _policy(row)

    async def get(self, version: int | None) -> AiPolicy | None:
        row = await self._across.fetchrow(GET, version)
        return None if row is None else _policy(row)

    async def list(self, *, below: int | None, limit: int) -> Sequence[AiPolicy]:
        return [_policy(row) for row in await self._across.fetch(PAGE, below, limit)]

    async def activate(self, version: int, *, noted: Noted | None) -> AiPolicy | None:
        async with self._across.transaction() as connection:
            await connection.execute(LOCK)
            found = await connection.fetchrow(GET, version)
            if found is None or found["is_active"]:
                return None if found is None else _policy(found)
            await connection.execute(DEACTIVATE, version)
            row = await connection.fetchrow(ACTIVATE, version)
            target = policy_target(PLATFORM_POLICY, version)
            await note(connection, noted, None, target, _hash(found), _hash(row))
        return _policy(row)

    async def deactivate(self, *, noted: Noted | None) -> AiPolicy | None:
        async with self._across.transaction() as connection:
            row = await connection.fetchrow(DEACTIVATE, 0)
            if row is None:
                return None
            target = policy_target(PLATFORM_POLICY, row["version"])
            await note(connection, noted, None, target, None, _hash(row))
        return _policy(row)


def _policy(row: asyncpg.Record) -> AiPolicy:
    return policy_of(row, PLATFORM_POLICY)


def _hash(row: asyncpg.Record) -> bytes:
    return json.digest(repr(tuple(row)))
