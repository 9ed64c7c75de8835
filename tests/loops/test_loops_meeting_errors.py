"""A loop whose requests meet errors rests: what met them is due still."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from control_plane.loops import inbox, rescuer
from control_plane.orchestrator import Answer, Machines, Orchestrator, Request
from control_plane.ports.due import LOOK, NO_TIME, Ahead, DueQueue, DueTimers, ExpiredLease
from control_plane.ports.records import InstanceKey
from shared.errors import FoliotError
from shared.ids import new_instance_id
from tests.contract.worlds import ACME, MemoryWorld

POLL_S = 7.0
EVERY_LOOP = pytest.mark.parametrize("loop", ["rescuer", "inbox"])


class Crowd:
    """So many of everything are due, and stay so."""

    def __init__(self, size: int) -> None:
        self._keys = [InstanceKey(ACME, new_instance_id()) for _ in range(size)]

    async def timers(self, limit: int, *, within: timedelta = NO_TIME) -> DueTimers:
        raise NotImplementedError

    async def ahead(self) -> Ahead:
        raise NotImplementedError

    async def release_delayed(self, limit: int) -> Sequence[DueQueue]:
        raise NotImplementedError

    async def expired_leases(self, limit: int) -> Sequence[ExpiredLease]:
        return [ExpiredLease(*key, 1, 1) for key in self._keys[:limit]]

    async def silent_leases(self, limit: int) -> Sequence[ExpiredLease]:
        return []

    async def untried_inbox(self, limit: int, *, look: int = LOOK) -> Sequence[InstanceKey]:
        return self._keys[:limit]

    async def forget_answers(self, keep: timedelta, at_once: int) -> int:
        raise NotImplementedError

    async def sweep(self) -> None:
        """Nothing here grows."""


class Content(Orchestrator):
    """Has no objection to anything."""

    async def submit_all(self, requests: Sequence[Request]) -> list[Answer | FoliotError]:
        return [
            Answer(instance_id=one.instance_id, revision=1, status="waiting", state="null")
            for one in requests
        ]


def orchestrator(kind: type[Orchestrator]) -> Orchestrator:
    """One that has room for no request: what it does not override is Overloaded."""
    world = MemoryWorld()
    return kind(world.store, Machines(world.definitions), lambda _: None, max_queued=0)


async def rest_of(loop: str, size: int, asked: Orchestrator) -> float:
    """How many seconds the loop wants to rest after one round."""
    due = Crowd(size)
    if loop == "rescuer":
        return await rescuer.Rescuer(due, asked)._rescue()
    return await inbox.Inbox(due, MemoryWorld().inbox, asked, POLL_S)._apply()


class TestALoop:
    @EVERY_LOOP
    @pytest.mark.parametrize("size", [1, rescuer.BATCH])
    async def test_rests_where_a_request_of_it_is_refused(self, loop: str, size: int) -> None:
        """Under overload it would otherwise turn as fast as it can, and add to it."""
        assert inbox.EVERY_S == await rest_of(loop, size, orchestrator(Orchestrator))

    @EVERY_LOOP
    async def test_goes_on_at_once_where_a_crowd_is_due_and_none_is_refused(
        self, loop: str
    ) -> None:
        """A full slice says that there is more."""
        assert 0 == await rest_of(loop, rescuer.BATCH, orchestrator(Content))
