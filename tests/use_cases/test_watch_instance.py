"""Watching: what an idle stream says."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from control_plane.ports.reader import Reader
from control_plane.ports.records import HistoryEntry, InstanceKey
from control_plane.use_cases.watch_instance import Bookmark, watch_instance
from shared.ids import InstanceId, TenantId, new_instance_id

WITHIN_S = 5.0
KEY = InstanceKey(TenantId("acme"), new_instance_id())


def entry(seq: int, type_: str) -> HistoryEntry:
    return HistoryEntry(
        seq=seq, type=type_, ordinal=None, payload="{}", hash=b"", created_at=datetime.now(UTC)
    )


@dataclass
class _Instance:
    key = KEY
    seq: int
    is_closed: bool


class OneHistory:
    """A reader of one instance whose history grows."""

    def __init__(self) -> None:
        self.entries = [entry(1, "INSTANCE_STARTED")]
        self.is_closed = False

    async def get_instance(self, _tenant_id: TenantId, _instance_id: InstanceId) -> Any:
        return _Instance(seq=len(self.entries), is_closed=self.is_closed)

    async def list_history(
        self, _tenant_id: TenantId, _instance_id: InstanceId, *, after_seq: int, limit: int
    ) -> Sequence[HistoryEntry]:
        return self.entries[after_seq : after_seq + limit]


class Quiet:
    """Nothing happens the first time; the second time the instance ends."""

    def __init__(self, history: OneHistory) -> None:
        self._history = history
        self._waits = 0

    async def wait_beyond(self, key: InstanceKey, seq: int, timeout_s: float) -> bool:
        return bool(await self.entries_beyond(key, seq, timeout_s))

    async def entries_beyond(
        self, _key: InstanceKey, seq: int, _timeout_s: float
    ) -> Sequence[HistoryEntry]:
        self._waits += 1
        if self._waits == 1:
            return ()
        self._history.entries.append(entry(2, "INSTANCE_COMPLETED"))
        self._history.is_closed = True
        return self._history.entries[seq:]


class TestAnIdleStream:
    async def test_sends_a_bookmark_and_goes_on(self) -> None:
        """A position without an entry keeps the stream open and says how far it is complete."""
        history = OneHistory()

        watched = [
            item
            async for item in watch_instance(
                cast(Reader, history),
                Quiet(history),
                KEY.tenant_id,
                KEY.instance_id,
                after_seq=0,
            )
        ]

        assert [[1], Bookmark(1), [2]] == [
            item if isinstance(item, Bookmark) else [one.seq for one in item] for item in watched
        ]


class TestAStreamOfAnEndedInstance:
    @pytest.mark.parametrize("after_seq", [0, 1, 2])
    async def test_ends_with_what_follows_the_end(self, after_seq: int) -> None:
        """How a called-off attempt stopped may be told after the instance has ended."""
        history = OneHistory()
        history.entries += [entry(2, "INSTANCE_CANCELLED"), entry(3, "TASK_STOPPED")]
        history.is_closed = True
        reader = cast("Reader", history)

        async with asyncio.timeout(WITHIN_S):
            seen = [
                one
                async for some in watch_instance(
                    reader, Quiet(history), *KEY, after_seq=after_seq, bookmark_s=0
                )
                if not isinstance(some, Bookmark)
                for one in some
            ]

        assert history.entries[after_seq:] == seen
