"""The outbox, in memory."""

from collections.abc import Sequence

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.ports.outbox import Delivery


class MemoryOutbox:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def undelivered(self, limit: int, *, after: int = 0) -> Sequence[Delivery]:
        lies = self._database.outbox.values()
        return [one for one in lies if one.position > after][:limit]

    async def delivered(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            found = self._database.outbox.get(delivery.position)
            if found is not None and found.tenant_id == delivery.tenant_id:
                del self._database.outbox[delivery.position]
