"""Where definitions are kept. A spec never changes once it is created."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from control_plane.ports.audit import Noted
from control_plane.ports.records import Definition, DefinitionStatus, JsonText
from shared.errors import AlreadyExists
from shared.ids import DefinitionId, TenantId


class RepeatableCreation(NamedTuple):
    """The caller's request id, and the hash of all that it asked for."""

    request_id: str
    fingerprint: bytes


class RequestIdTaken(AlreadyExists):
    """The request id came with something else before."""

    reason = "IDEMPOTENCY_MISMATCH"

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"request id {request_id!r} was used for another request; give each request its own"
            " id, and repeat a request unchanged",
            metadata={"request_id": request_id},
        )


class DefinitionStore(Protocol):
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
        """
        Store a spec as the next version of its key, inactive.

        Two creations of one key at once get two versions; neither fails. What is repeatable
        is remembered in the same commit: a repeat gets the first one's definition as it is
        now. Raises RequestIdTaken where the id was used for anything else, be it a start.
        """

    async def get(self, tenant_id: TenantId, definition_id: DefinitionId) -> Definition | None:
        """The definition, or None where this tenant has none of that id."""

    async def find(self, tenant_id: TenantId, key: str, version: int | None) -> Definition | None:
        """A version of a key; without a version the active one."""

    async def list(
        self,
        tenant_id: TenantId,
        *,
        key: str | None,
        status: DefinitionStatus | None,
        after: tuple[str, int] | None,
        limit: int,
    ) -> Sequence[Definition]:
        """By key, then newest version first; `after` is the last (key, version) already seen."""

    async def set_status(
        self,
        tenant_id: TenantId,
        definition_id: DefinitionId,
        status: DefinitionStatus,
        *,
        noted: Noted | None = None,
    ) -> Definition | None:
        """
        Move the status; activating one version deactivates the key's other in the same commit.

        Repeating is harmless. An archived definition stays archived: raises
        PreconditionFailed. None where there is no such definition.
        """
