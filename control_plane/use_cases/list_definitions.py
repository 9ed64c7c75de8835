"""List the versions of definitions."""

from dataclasses import dataclass
from datetime import datetime

from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.records import Definition, DefinitionStatus
from control_plane.use_cases.paging import Page, page_of
from shared.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionFilter:
    """All that is set must hold."""

    key: str | None = None
    status: DefinitionStatus | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None

    def keeps(self, definition: Definition) -> bool:
        """Whether it passes by the fields that no index is for."""
        return (self.created_from is None or definition.created_at >= self.created_from) and (
            self.created_before is None or definition.created_at < self.created_before
        )


async def list_definitions(
    definitions: DefinitionStore,
    tenant_id: TenantId,
    wanted: DefinitionFilter,
    *,
    after: tuple[str, int] | None,
    size: int,
) -> Page[Definition]:
    """By key, then newest version first."""
    found = await definitions.list(
        tenant_id, key=wanted.key, status=wanted.status, after=after, limit=size + 1
    )
    return page_of(found, size, bytes_of=_bytes_of, keep=wanted.keeps)


def _bytes_of(definition: Definition) -> int:
    return len(definition.description)
