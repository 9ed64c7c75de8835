"""
Who waits for an instance to move on, and tells them what came.

What this process commits is handed over as it is committed, and no database is asked. What
others commit is found by asking for all instances that are waited for at once.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from control_plane.ports.feed import Feed
from control_plane.ports.records import HistoryEntry, InstanceKey

MAX_ASKED_AT_ONCE = 5_000
"""Instances in one look; with more, each look takes the next ones in turn."""

MAX_HANDED_OVER = 100
"""Entries of one instance that a look reads; who needs more reads on by itself."""

MAX_KNOWN = 10_000
"""Instances of which it is known how far they were told; with more, the first are forgotten."""

Told = asyncio.Future[Sequence[HistoryEntry]]


class InstanceNews:
    """`wake` is set when somebody should look soon."""

    def __init__(self, feed: Feed, wake: asyncio.Event) -> None:
        self._feed = feed
        self._wake = wake
        self._waiting: dict[InstanceKey, dict[Told, int]] = {}
        self._untold: set[InstanceKey] = set()
        # Who was told up to here waits for what follows: nothing of it was committed here
        # meanwhile, and what others commit is looked for in its turn.
        self._known: OrderedDict[InstanceKey, int] = OrderedDict()

    def committed(self, changes: Iterable[tuple[InstanceKey, Sequence[HistoryEntry]]]) -> None:
        """These instances have these entries more."""
        if not self._waiting and not self._known:
            return
        for key, entries in changes:
            if key in self._waiting:
                if not self._tell(key, entries):
                    self._look_soon(key)
            else:
                self._known.pop(key, None)

    async def entries_beyond(
        self, key: InstanceKey, seq: int, timeout_s: float
    ) -> Sequence[HistoryEntry]:
        """
        The entries that follow `seq`, some at least, waiting up to `timeout_s` for them.

        None if none came. There may be more than are handed over.
        """
        told: Told = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, {})[told] = seq
        # It may have moved on before anybody waited for it.
        if self._known.get(key) != seq:
            self._look_soon(key)
        try:
            async with asyncio.timeout(timeout_s):
                return await told
        except TimeoutError:
            return ()
        finally:
            waiting = self._waiting[key]
            waiting.pop(told, None)
            if not waiting:
                del self._waiting[key]
                if key in self._untold:
                    self._untold.remove(key)
                    self._known.pop(key, None)

    async def look(self, *, at_all: bool) -> None:
        """Ask for the instances of which something may be untold, or for all, in one query."""
        keys = list(self._waiting if at_all else self._untold)[:MAX_ASKED_AT_ONCE]
        asked = {key: min(self._waiting[key].values()) for key in keys if self._waiting.get(key)}
        self._untold.difference_update(keys)
        if not asked:
            return
        try:
            found = await self._feed.newer(asked, MAX_HANDED_OVER)
        except BaseException:
            self._untold.update(key for key in keys if key in self._waiting)
            raise
        for key, entries in found.items():
            self._tell(key, entries)
            if len(entries) == MAX_HANDED_OVER:
                # There may be more.
                self._known.pop(key, None)
        for key in keys:
            if key in self._waiting:
                self._waiting[key] = self._waiting.pop(key)

    def _tell(self, key: InstanceKey, entries: Sequence[HistoryEntry]) -> bool:
        """Hand each who waits what is new to it; whether nobody was found to lack older ones."""
        is_whole = True
        self._known[key] = entries[-1].seq
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        for told, seq in self._waiting.get(key, {}).items():
            news = [entry for entry in entries if entry.seq > seq]
            if not news or told.done():
                continue
            if news[0].seq == seq + 1:
                told.set_result(news)
            else:
                is_whole = False
        return is_whole

    def _look_soon(self, key: InstanceKey) -> None:
        self._untold.add(key)
        self._wake.set()
