"""API keys in memory, from the side of who makes them."""

from collections.abc import Sequence
from dataclasses import replace

from control_plane.adapters.memory.audit_log import note
from control_plane.adapters.memory.database import MemoryDatabase, hash_of
from control_plane.ports.audit import Noted, Target
from control_plane.ports.credentials import StoredKey
from control_plane.ports.definition_store import RepeatableCreation, RequestIdTaken
from control_plane.ports.key_store import KeyRecord
from shared.errors import LimitExceeded
from shared.ids import TenantId


class MemoryKeyStore:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

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
        requests = self._database.key_requests
        if repeatable is not None:
            known = requests.get((key.tenant_id, repeatable.request_id))
            if known is not None:
                if known[0] != repeatable.fingerprint:
                    raise RequestIdTaken(repeatable.request_id)
                record = await self.get(key.tenant_id, known[1])
                assert record is not None
                return record, False
        count = sum(
            one.tenant_id == key.tenant_id and self._is_good(one)
            for one in self._database.api_keys.values()
        )
        if count >= most:
            raise LimitExceeded("API keys that are good", actual=count + 1, maximum=most)
        self._database.api_keys[key.key_id] = key
        self._database.key_origins[key.key_id] = (label, created_by, self._database.now())
        if repeatable is not None:
            requests[key.tenant_id, repeatable.request_id] = (repeatable.fingerprint, key.key_id)
        record = self._record(key)
        target = Target("api_key", key.key_id)
        note(self._database, noted, key.tenant_id, target, None, hash_of(record))
        return record, True

    async def get(self, tenant_id: TenantId | None, key_id: str) -> KeyRecord | None:
        key = self._database.api_keys.get(key_id)
        return None if key is None or key.tenant_id != tenant_id else self._record(key)

    async def list(
        self, tenant_id: TenantId | None, *, role: str | None, after: str | None, limit: int
    ) -> Sequence[KeyRecord]:
        found = [
            self._record(key)
            for key_id, key in sorted(self._database.api_keys.items())
            if key.tenant_id == tenant_id
            and role in {None, key.role}
            and (after is None or key_id > after)
        ]
        return found[:limit]

    async def revoke(
        self, tenant_id: TenantId | None, key_id: str, *, noted: Noted | None = None
    ) -> KeyRecord | None:
        before = await self.get(tenant_id, key_id)
        if before is None or before.revoked_at is not None:
            return before
        key = replace(self._database.api_keys[key_id], revoked_at=self._database.now())
        self._database.api_keys[key_id] = key
        after = self._record(key)
        target = Target("api_key", key_id)
        note(self._database, noted, tenant_id, target, hash_of(before), hash_of(after))
        return after

    async def has_good(self, role: str) -> bool:
        return any(
            key.role == role and self._is_good(key) for key in self._database.api_keys.values()
        )

    def _is_good(self, key: StoredKey) -> bool:
        is_over = key.expires_at is not None and key.expires_at <= self._database.now()
        return key.revoked_at is None and not is_over

    def _record(self, key: StoredKey) -> KeyRecord:
        label, created_by, created_at = self._database.key_origins.get(
            key.key_id, ("", "", self._database.opened_at)
        )
        return KeyRecord(
            key_id=key.key_id,
            tenant_id=key.tenant_id,
            role=key.role,
            label=label,
            created_by=created_by,
            created_at=created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            user=key.user,
            groups=key.groups,
        )
