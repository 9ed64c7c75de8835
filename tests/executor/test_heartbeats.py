"""What attempts say of themselves: from any thread, the newest word of each, within a size."""

import asyncio

import pytest

from executor.heartbeats import Heartbeats
from executor.ports.control_plane import Held
from shared.rpc import MAX_PROGRESS_BYTES
from tests.executor.eventually import eventually

ONE, OTHER = Held("a:1", 1), Held("a:2", 1)


class TestAHeartbeat:
    async def test_replaces_what_the_attempt_said_before(self) -> None:
        """Nobody is interested in an earlier page."""
        heartbeats = Heartbeats()
        heartbeats.beat(ONE, {"page": 1})
        heartbeats.beat(OTHER)
        heartbeats.beat(ONE, {"page": 2})

        assert {ONE: '{"page":2}', OTHER: None} == heartbeats.take()
        assert heartbeats.is_empty

    async def test_that_says_nothing_new_keeps_what_was_not_sent_yet(self) -> None:
        """The attempt is still at that page."""
        heartbeats = Heartbeats()
        heartbeats.beat(ONE, {"page": 1})
        heartbeats.beat(ONE)

        assert {ONE: '{"page":1}'} == heartbeats.take()

    async def test_from_a_thread_wakes_whoever_sends_it(self) -> None:
        """Plain functions run in threads."""
        heartbeats, told = Heartbeats(), asyncio.Event()
        heartbeats.notify(told.set)
        await asyncio.to_thread(heartbeats.beat, ONE, 1)
        await eventually(told.is_set)

        assert {ONE: "1"} == heartbeats.take()

    async def test_of_too_many_bytes_is_refused_where_it_is_said(self) -> None:
        """The function hears of it, and nothing else is lost."""
        heartbeats = Heartbeats()
        heartbeats.beat(ONE, 1)
        with pytest.raises(ValueError, match="may take 16384"):
            heartbeats.beat(ONE, "x" * MAX_PROGRESS_BYTES)

        assert {ONE: "1"} == heartbeats.take()
