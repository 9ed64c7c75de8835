"""Objects in memory, gone with the process: for tests."""

from datetime import UTC, datetime

from executor.ports.object_storage import ObjectMissing, ObjectTooLarge, Stored
from shared.ids import TenantId


class MemoryObjects:
    def __init__(self) -> None:
        self.kept: dict[tuple[TenantId, str], tuple[bytes, str, datetime]] = {}
        """Bytes, type and instant by tenant and hash; a test may change them."""

    async def put(
        self, tenant_id: TenantId, sha256: str, content: bytes, content_type: str
    ) -> None:
        self.kept[tenant_id, sha256] = (content, content_type, datetime.now(UTC))

    async def get(self, tenant_id: TenantId, sha256: str, max_bytes: int) -> bytes:
        content, _, _ = self._found(tenant_id, sha256)
        if len(content) > max_bytes:
            raise ObjectTooLarge(f"the object has more than {max_bytes} bytes")
        return content

    async def stat(self, tenant_id: TenantId, sha256: str) -> Stored:
        content, _, stored_at = self._found(tenant_id, sha256)
        return Stored(size=len(content), stored_at=stored_at)

    async def delete(self, tenant_id: TenantId, sha256: str) -> None:
        self.kept.pop((tenant_id, sha256), None)

    def _found(self, tenant_id: TenantId, sha256: str) -> tuple[bytes, str, datetime]:
        found = self.kept.get((tenant_id, sha256))
        if found is None:
            raise ObjectMissing(f"there is no object {sha256} of this tenant")
        return found
