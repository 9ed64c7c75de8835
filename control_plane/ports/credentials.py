"""API keys as stored: a key id and the hash of a secret, never the secret."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """`tenant_id` is None for credentials of the platform itself."""

    key_id: str
    tenant_id: TenantId | None
    secret_hash: bytes
    role: str
    expires_at: datetime | None
    revoked_at: datetime | None
    user: str = ""
    """Who its holder is to human tasks; '' for the key itself."""
    groups: tuple[str, ...] = ()
    """The roles of the tenant's own, to which human tasks are offered, that its holder has."""


class Credentials(Protocol):
    async def find(self, key_id: str) -> StoredKey | None:
        """The key of that id, whatever its state."""

    async def add(self, key: StoredKey, tenant_name: str) -> None:
        """Store a key, and its tenant where it is new. Repeating replaces the key."""
