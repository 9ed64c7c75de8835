"""
Tells watchers that there is more to read: one query per replica for all that is watched.

A commit of this process says so at once. Commits of others are found by polling the
positions of the watched instances together, however many watchers there are.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from control_plane.loops.pace import repeat
from control_plane.ports.reader import Reader
from control_plane.ports.records import InstanceKey

POLL_S = 0.25
MAX_WATCHED_AT_ONCE = 5_000
"""Instances in one look; with more, each look takes the next ones in turn."""


class Tailer:
    def __init__(self, reader: Reader, poll_s: float = POLL_S) -> None:
        self._reader = reader
        self._poll_s = poll_s
        self._waiting: defaultdict[InstanceKey, set[asyncio.Future[None]]] = defaultdict(set)
        self._known: dict[InstanceKey, int] = {}
        self._wake = asyncio.Event()

    def committed(self, positions: Iterable[tuple[InstanceKey, int]]) -> None:
        """These instances are now at these seqs."""
        if self._waiting:
            for key, seq in positions:
                self._tell(key, seq)

    async def wait_beyond(self, key: InstanceKey, seq: int, timeout_s: float) -> bool:
        """Whether the instance has an entry above `seq`, waiting up to `timeout_s` for one."""
        if self._known.get(key, 0) > seq:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[key].add(future)
        self._wake.set()
        try:
            async with asyncio.timeout(timeout_s):
                while self._known.get(key, 0) <= seq:
                    await future
                    future = asyncio.get_running_loop().create_future()
                    self._waiting[key].add(future)
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self._waiting[key].discard(future)
            if not self._waiting[key]:
                del self._waiting[key]
                self._known.pop(key, None)

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("tailer", stop, self._look, wake=self._wake)

    async def _look(self) -> float:
        watched = list(self._waiting)[:MAX_WATCHED_AT_ONCE]
        if watched:
            positions = await self._reader.positions(watched)
            for key, (seq, _) in positions.items():
                self._tell(key, seq)
            for key in watched:
                if key in self._waiting:
                    self._waiting[key] = self._waiting.pop(key)
        return self._poll_s

    def _tell(self, key: InstanceKey, seq: int) -> None:
        if key not in self._waiting or seq <= self._known.get(key, 0):
            return
        self._known[key] = seq
        for future in self._waiting[key]:
            if not future.done():
                future.set_result(None)
        self._waiting[key] = set()
