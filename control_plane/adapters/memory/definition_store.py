"""Definitions in memory."""

from collections.abc import Sequence
from dataclasses import replace

from control_plane.adapters.memory.audit_log import note
from control_plane.adapters.memory.database import DefinitionKey, MemoryDatabase, hash_of
from control_plane.ports.audit import Noted, Target
from control_plane.ports.definition_store import RepeatableCreation, RequestIdTaken
from control_plane.ports.instance_store import REQUEST_SCOPE, IdempotencyKey, StoredAnswer
from control_plane.ports.records import Definition, DefinitionStatus, JsonText
from shared import json
from shared.errors import PreconditionFailed
from shared.ids import DefinitionId, TenantId, new_uuid7, parse_uuid


class MemoryDefinitionStore:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

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
        if repeatable is not None:
            known = self._created_before(tenant_id, repeatable)
            if known is not None:
                return known
        versions = [found.version for found in self._of_key(tenant_id, key)]
        created = Definition(
            tenant_id=tenant_id,
            definition_id=DefinitionId(new_uuid7()),
            key=key,
            version=max(versions, default=0) + 1,
            status="inactive",
            spec=spec,
            spec_hash=spec_hash,
            description=description,
            created_by=created_by,
            created_at=self._database.now(),
        )
        self._put(created)
        if repeatable is not None:
            name = IdempotencyKey(tenant_id, REQUEST_SCOPE, repeatable.request_id)
            self._database.answers[name] = StoredAnswer(
                fingerprint=repeatable.fingerprint,
                answer=json.dump({"definition_id": str(created.definition_id)}),
            )
            self._database.answered_at[name] = created.created_at
        self._note(noted, created, None)
        return created

    async def get(self, tenant_id: TenantId, definition_id: DefinitionId) -> Definition | None:
        return self._database.definitions.get(DefinitionKey(tenant_id, definition_id))

    async def find(self, tenant_id: TenantId, key: str, version: int | None) -> Definition | None:
        for found in self._of_key(tenant_id, key):
            if found.status == "active" if version is None else found.version == version:
                return found
        return None

    async def list(
        self,
        tenant_id: TenantId,
        *,
        key: str | None,
        status: DefinitionStatus | None,
        after: tuple[str, int] | None,
        limit: int,
    ) -> Sequence[Definition]:
        start = None if after is None else (after[0], -after[1])
        found = [
            definition
            for definition in self._database.definitions.values()
            if definition.tenant_id == tenant_id
            and key in {None, definition.key}
            and status in {None, definition.status}
            and (start is None or _place(definition) > start)
        ]
        return sorted(found, key=_place)[:limit]

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
        if found.status == "archived" and status != "archived":
            raise PreconditionFailed(
                f"version {found.version} of definition {found.key!r} is archived, for good;"
                " create a new version from its spec",
                reason="DEFINITION_ARCHIVED",
            )
        changed = replace(found, status=status)
        if status == "active" and found.status != "active":
            changed = replace(changed, activated_at=self._database.now())
            for other in self._of_key(tenant_id, found.key):
                if other.status == "active":
                    self._put(replace(other, status="inactive"))
        self._put(changed)
        self._note(noted, changed, _hash(found))
        return changed

    def _note(self, noted: Noted | None, after: Definition, before: bytes | None) -> None:
        target = Target("definition", str(after.definition_id))
        note(self._database, noted, after.tenant_id, target, before, _hash(after))

    def _created_before(
        self, tenant_id: TenantId, repeatable: RepeatableCreation
    ) -> Definition | None:
        name = IdempotencyKey(tenant_id, REQUEST_SCOPE, repeatable.request_id)
        known = self._database.answers.get(name)
        if known is None:
            return None
        answer = json.load(known.answer)
        if known.fingerprint != repeatable.fingerprint or not isinstance(answer, dict):
            raise RequestIdTaken(repeatable.request_id)
        definition_id = DefinitionId(parse_uuid(str(answer["definition_id"]), "definition_id"))
        return self._database.definitions[DefinitionKey(tenant_id, definition_id)]

    def _of_key(self, tenant_id: TenantId, key: str) -> Sequence[Definition]:
        return [
            found
            for found in self._database.definitions.values()
            if (found.tenant_id, found.key) == (tenant_id, key)
        ]

    def _put(self, definition: Definition) -> None:
        key = DefinitionKey(definition.tenant_id, definition.definition_id)
        self._database.definitions[key] = definition


def _hash(definition: Definition) -> bytes:
    return hash_of((definition.spec_hash, definition.status))


def _place(definition: Definition) -> tuple[str, int]:
    return definition.key, -definition.version
