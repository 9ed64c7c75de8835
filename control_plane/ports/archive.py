"""Where instances go before they are removed."""

from collections.abc import Sequence
from typing import Protocol

from shared.errors import Unavailable
from shared.ids import TenantId


class ArchiveUnavailable(Unavailable):
    """The archive could not be written, or does not hold what was written. Nothing was removed."""

    reason = "ARCHIVE_UNAVAILABLE"


class Archive(Protocol):
    async def keep(self, tenant_id: TenantId, name: str, lines: Sequence[str]) -> None:
        """
        Keep these lines under a name; returns once they are durable, and were read back as they
        were given. Repeating is harmless. Raises ArchiveUnavailable.
        """
