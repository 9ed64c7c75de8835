"""API keys from the side of who makes them: a secret goes in as a hash, and never comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from control_plane.ports.audit import Noted
from control_plane.ports.credentials import StoredKey
from control_plane.ports.definition_store import RepeatableCreation
from shared.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """What may be told of a key. `tenant_id` is None for the platform's own."""

    key_id: str
    tenant_id: TenantId | None
    role: str
    label: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    user: str = ""
    groups: tuple[str, ...] = ()


class KeyStore(Protocol):
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
        """
        Keep a new key, of a tenant that there is; tells the key, and whether it is new.

        A repeat of a request id gets the first one's key. Raises RequestIdTaken where the id came
        with something else, and LimitExceeded where the tenant has `most` keys that are good.
        """

    async def get(self, tenant_id: TenantId | None, key_id: str) -> KeyRecord | None:
        """A key of the tenant, or of the platform; None where it has none of that id."""

    async def list(
        self, tenant_id: TenantId | None, *, role: str | None, after: str | None, limit: int
    ) -> Sequence[KeyRecord]:
        """A tenant's keys, or the platform's own, by id; `after` is the last one already seen."""

    async def revoke(
        self, tenant_id: TenantId | None, key_id: str, *, noted: Noted | None = None
    ) -> KeyRecord | None:
        """Let the key be good no longer. Harmless if it was revoked; None where there is none."""

    async def has_good(self, role: str) -> bool:
        """Whether any key of the role is neither expired nor revoked."""
