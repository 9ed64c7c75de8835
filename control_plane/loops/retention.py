"""
Removes instances that are past their retention, archived before, at a pace that others hardly
notice. One replica at a time does it; whoever stops in the middle is followed by another.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from control_plane.loops.pace import repeat, rest
from control_plane.ports.archive import Archive
from control_plane.ports.retention import RetentionStore
from control_plane.use_cases.remove_past import Gone, remove_past
from shared.ids import new_uuid7
from shared.telemetry.logging import get_logger
from shared.telemetry.names import LogEvent

EVERY_S = 600.0
TURN = timedelta(minutes=2)
"""For how long a replica that says nothing is taken to be at it; longer than any slice takes."""

SHARE = 0.1
"""How much of the time is spent removing; the rest belongs to those who wait for something."""

MIN_REST_S = 0.02
NO_TIME = timedelta(0)
"""A turn of it is over: the next replica need not wait."""

_log = get_logger(__name__)


class Retention:
    def __init__(
        self, store: RetentionStore, archive: Archive | None, *, share: float = SHARE
    ) -> None:
        self._store = store
        self._archive = archive
        self._share = share
        self._holder = new_uuid7()
        self._never = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        async def keep() -> float:
            await self.remove_all(stop)
            return EVERY_S

        await repeat("retention", stop, keep)

    async def remove_all(
        self, stop: asyncio.Event, on_slice: Callable[[Gone], None] | None = None
    ) -> bool:
        """
        One pass over all tenants, until `stop`. False if another replica is at it. Raises
        ArchiveUnavailable, with all in place that is not in the archive.
        """
        loop = asyncio.get_running_loop()
        if not await self._store.take_turn(self._holder, TURN):
            return False
        await self._store.retire_partitions()
        for tenant_id in await self._store.tenants():
            began = loop.time()
            kept_back = removed = 0
            async for gone in remove_past(self._store, self._archive, tenant_id):
                self._tell_broken(gone)
                if on_slice is not None:
                    on_slice(gone)
                kept_back += gone.kept_back
                removed += gone.removed
                took = loop.time() - began
                await rest(stop, self._never, max(took * (1 / self._share - 1), MIN_REST_S))
                if stop.is_set():
                    await self._store.take_turn(self._holder, NO_TIME)
                    return False
                if not await self._store.take_turn(self._holder, TURN):
                    return True
                began = loop.time()
            if removed:
                _log.info(LogEvent.RETENTION_REMOVED, tenant_id=tenant_id, instances=removed)
            if kept_back:
                _log.warning(LogEvent.RETENTION_KEPT_BACK, tenant_id=tenant_id, instances=kept_back)
        await self._store.retire_partitions()
        await self._store.take_turn(self._holder, NO_TIME)
        return True

    def _tell_broken(self, gone: Gone) -> None:
        for error in gone.broken:
            _log.error(LogEvent.RETENTION_BROKEN, tenant_id=gone.tenant_id, error=str(error))
