"""Let versions of definitions be created only while their tenant has room for them."""

from collections.abc import Sequence

from control_plane.ports.audit import Noted
from control_plane.ports.definition_store import DefinitionStore, RepeatableCreation
from control_plane.ports.quotas import QuotaKind, QuotaStore
from control_plane.ports.records import Definition, DefinitionStatus, JsonText
from control_plane.use_cases.quotas import Quotas, exceeded
from shared.ids import DefinitionId, TenantId


class AdmittedDefinitions:
    """
    A definition store that refuses creations beyond their tenant's quota.

    They are rare, so they are counted each time. Creations at once may all find the last place
    free, as many as come in a moment. A repeat by its request id is refused as well.
    """

    def __init__(self, definitions: DefinitionStore, store: QuotaStore, quotas: Quotas) -> None:
        self._definitions = definitions
        self._store = store
        self._quotas = quotas

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
        limit = self._quotas.limit(tenant_id, QuotaKind.DEFINITIONS)
        if await self._store.count_definitions(tenant_id, limit) >= limit:
            raise exceeded(tenant_id, QuotaKind.DEFINITIONS, limit, retry_in=None)
        return await self._definitions.create(
            tenant_id,
            key=key,
            spec=spec,
            spec_hash=spec_hash,
            description=description,
            created_by=created_by,
            repeatable=repeatable,
            noted=noted,
        )

    async def get(self, tenant_id: TenantId, definition_id: DefinitionId) -> Definition | None:
        return await self._definitions.get(tenant_id, definition_id)

    async def find(self, tenant_id: TenantId, key: str, version: int | None) -> Definition | None:
        return await self._definitions.find(tenant_id, key, version)

    async def list(
        self,
        tenant_id: TenantId,
        *,
        key: str | None,
        status: DefinitionStatus | None,
        after: tuple[str, int] | None,
        limit: int,
    ) -> Sequence[Definition]:
        return await self._definitions.list(
            tenant_id, key=key, status=status, after=after, limit=limit
        )

    async def set_status(
        self,
        tenant_id: TenantId,
        definition_id: DefinitionId,
        status: DefinitionStatus,
        *,
        noted: Noted | None = None,
    ) -> Definition | None:
        return await self._definitions.set_status(tenant_id, definition_id, status, noted=noted)
