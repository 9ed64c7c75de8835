"""API keys in memory."""

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.ports.credentials import StoredKey


class MemoryCredentials:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def find(self, key_id: str) -> StoredKey | None:
        return self._database.api_keys.get(key_id)

    async def add(self, key: StoredKey, tenant_name: str) -> None:
        if key.tenant_id is not None:
            self._database.tenants.setdefault(key.tenant_id, tenant_name)
        self._database.api_keys[key.key_id] = key
