"""Timers fire once, at their instants and not before, whoever armed them and however many look."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from control_plane.loops import timers as loop_of_timers
from control_plane.loops.timers import Timers
from control_plane.orchestrator import Answer, Fire, Machines, Orchestrator, Request, Send, Turn
from control_plane.ports.due import NO_TIME, DueTimers
from control_plane.ports.records import Instance, InstanceKey
from shared import json
from shared.errors import FoliotError, Unavailable
from shared.ids import InstanceId
from tests.contract.worlds import ACME, MemoryWorld
from tests.orchestrator.stage import Stage

SELDOM = 60.0
"""A poll that no test lives to see: what happens then does not happen because of it."""

OFTEN = 0.05
WITHIN_S = 20.0
EVERY_MS = 5
HOUR = timedelta(hours=1)


class Counted:
    """The due of a memory world, and how often somebody looked for timers."""

    def __init__(self, world: MemoryWorld) -> None:
        self._due = world.due
        self.looks = 0

    async def timers(self, limit: int, *, within: timedelta = NO_TIME) -> DueTimers:
        self.looks += 1
        return await self._due.timers(limit, within=within)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._due, name)


class Replica(Orchestrator):
    """A control plane's orchestrator and timers, as a bootstrap connects them."""

    def __init__(self, world: MemoryWorld, poll_s: float) -> None:
        super().__init__(world.store, Machines(world.definitions), self._committed)
        self.due = Counted(world)
        self.timers = Timers(self.due, self, poll_s)
        self.fired: list[Fire] = []
        self.foreseen: list[InstanceKey] = []
        self.errors: list[FoliotError] = []
        self.is_stuck = False

    async def submit_all(self, requests: Sequence[Request]) -> list[Answer | FoliotError]:
        self.fired += [one.asked for one in requests if isinstance(one.asked, Fire)]
        if self.is_stuck:
            await asyncio.get_running_loop().create_future()
        if self.errors:
            return [self.errors.pop()] * len(requests)
        return await super().submit_all(requests)

    async def foresee(self, asked: Mapping[InstanceKey, Fire]) -> None:
        self.foreseen += asked
        await super().foresee(asked)

    def _committed(self, turn: Turn) -> None:
        for change in turn.kept:
            self.timers.changed(change.key, change.armed, change.disarmed)


@asynccontextmanager
async def at_work(*replicas: Replica, firing: bool = True) -> AsyncIterator[None]:
    """These replicas, until the block is left."""
    stop = asyncio.Event()
    running: list[asyncio.Task[None]] = []
    for replica in replicas:
        running.append(asyncio.create_task(replica.run(stop)))
        if firing:
            running.append(asyncio.create_task(replica.timers.run(stop)))
    try:
        yield
    finally:
        stop.set()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@pytest.fixture
async def world() -> MemoryWorld:
    """With a definition whose instances sleep for as many milliseconds as their input says."""
    world = MemoryWorld()
    await Stage(world).define(
        {
            "initial": "asleep",
            "context": {"ms": {"@expr": "event.input.ms"}},
            "delays": {"nap": {"@expr": "context.ms"}},
            "states": {
                "asleep": {"after": {"nap": "done"}, "on": {"WAKE": "done"}},
                "done": {"type": "final"},
            },
        }
    )
    return world


async def asleep(world: MemoryWorld, orchestrator: Orchestrator, ms: int) -> InstanceId:
    """An instance that is to end so much later."""
    answer = await orchestrator.submit(Stage(world).start_request(given={"ms": ms}))
    assert "waiting" == answer.status
    return answer.instance_id


def wake(instance_id: InstanceId) -> Request:
    """An event that ends the instance before its time."""
    asked = Send(event_id="", type="WAKE", payload=None)
    return Request(tenant_id=ACME, instance_id=instance_id, asked=asked)


async def started_elsewhere(world: MemoryWorld, count: int, ms: int = 0) -> list[InstanceId]:
    """Instances started by a replica that is gone."""
    elsewhere = Replica(world, SELDOM)
    async with at_work(elsewhere, firing=False):
        return [await asleep(world, elsewhere, ms) for _ in range(count)]


async def eventually(is_so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(WITHIN_S):
        while not is_so():  # noqa: ASYNC110 - bounded
            await asyncio.sleep(EVERY_MS / 1000)


def found(world: MemoryWorld, instance_id: InstanceId) -> Instance:
    (instance,) = (
        one for one in world.database.instances.values() if one.instance_id == instance_id
    )
    return instance


def are_over(world: MemoryWorld) -> bool:
    return all(one.is_closed for one in world.database.instances.values())


def firings(world: MemoryWorld) -> list[int]:
    """How often a timer fired, of each instance."""
    return [
        sum(entry.type == "TIMER_FIRED" for entry in entries)
        for entries in world.database.history.values()
    ]


class TestATimer:
    async def test_of_an_own_commit_fires_without_a_look_and_not_early(
        self, world: MemoryWorld
    ) -> None:
        """The commit told of it: neither a poll nor a bell is needed."""
        replica = Replica(world, SELDOM)
        async with at_work(replica):
            await eventually(lambda: replica.due.looks == 1)
            instance_id = await asleep(world, replica, ms=100)
            ((_, due),) = world.database.timers.items()
            await eventually(lambda: are_over(world))

        assert found(world, instance_id).updated_at >= due
        assert 1 == replica.due.looks

    async def test_of_another_replica_is_found_by_the_poll(self, world: MemoryWorld) -> None:
        """A bell may be lost; nothing else is."""
        replica = Replica(world, OFTEN)
        async with at_work(replica):
            await eventually(lambda: replica.due.looks > 1)
            await started_elsewhere(world, 1, ms=10)
            await eventually(lambda: are_over(world))

        assert [1] == firings(world)

    async def test_of_another_replica_is_found_when_the_bell_rings(
        self, world: MemoryWorld
    ) -> None:
        """It is nearer than what this one sleeps for."""
        replica = Replica(world, SELDOM)
        async with at_work(replica):
            await eventually(lambda: replica.due.looks == 1)
            await started_elsewhere(world, 1, ms=10)
            replica.timers.wake()
            await eventually(lambda: are_over(world))

        assert [1] == firings(world)

    async def test_survives_those_who_armed_it(self, world: MemoryWorld) -> None:
        """Memory is a copy; the table is what counts after a restart."""
        await started_elsewhere(world, 3)

        async with at_work(Replica(world, SELDOM)):
            await eventually(lambda: are_over(world))

        assert [1, 1, 1] == firings(world)

    async def test_that_was_disarmed_is_not_even_tried(self, world: MemoryWorld) -> None:
        """Its instance went another way; a later timer shows that the instant has passed."""
        replica = Replica(world, SELDOM)
        async with at_work(replica):
            await eventually(lambda: replica.due.looks == 1)
            left = await asleep(world, replica, ms=50)
            await replica.submit(wake(left))
            await asleep(world, replica, ms=100)
            await eventually(lambda: are_over(world))

        assert 1 == len(replica.fired)

    async def test_that_an_error_met_is_tried_again(self, world: MemoryWorld) -> None:
        """After a rest: the database may be away for a while."""
        await started_elsewhere(world, 1)
        replica = Replica(world, OFTEN)
        replica.errors = [Unavailable("away"), Unavailable("still away")]

        async with at_work(replica):
            await eventually(lambda: are_over(world))

        assert 3 == len(replica.fired)

    async def test_is_put_off_where_the_database_says_it_is_early(self, world: MemoryWorld) -> None:
        """Its clock was set back after the look. What is due is due by that clock alone."""
        replica = Replica(world, SELDOM)
        async with at_work(replica):
            await eventually(lambda: replica.due.looks == 1)
            instance_id = await asleep(world, replica, ms=50)
            await world.move_clock(-HOUR)
            await eventually(lambda: replica.due.looks == 2)
            before = found(world, instance_id)
            await world.move_clock(HOUR)
            replica.timers.wake()
            await eventually(lambda: are_over(world))

        assert ("waiting", 1) == (before.status, before.revision)
        assert [1] == firings(world)

    async def test_that_its_instance_does_not_know_goes_once_that_is_certain(
        self, world: MemoryWorld
    ) -> None:
        """No commit leaves such a row; what did must not keep every replica busy for ever."""
        (instance_id,) = await started_elsewhere(world, 1, ms=3_600_000)
        ((key, _),) = world.database.timers.items()
        world.database.timers[key._replace(timer_id="ghost")] = await world.now()

        async with at_work(Replica(world, OFTEN)):
            await eventually(lambda: len(world.database.timers) == 1)

        assert 2 == found(world, instance_id).revision
        assert [key] == list(world.database.timers)


class TestACrowd:
    async def test_fires_once_however_many_replicas_see_it(self, world: MemoryWorld) -> None:
        """Those that come second find nothing to do, and write nothing."""
        await started_elsewhere(world, 300)
        replicas = [Replica(world, OFTEN) for _ in range(3)]

        async with at_work(*replicas):
            await eventually(lambda: are_over(world))
            await eventually(lambda: all(one.due.looks > 1 for one in replicas))

        assert [1] * 300 == firings(world)
        assert {2} == {one.revision for one in world.database.instances.values()}

    async def test_is_read_before_its_instant(
        self, world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """There is time for that before, and none at it. A few are not worth it."""
        monkeypatch.setattr(loop_of_timers, "SLICE", 20)
        replica = Replica(world, SELDOM)
        async with at_work(replica):
            await eventually(lambda: replica.due.looks == 1)
            few = [await asleep(world, replica, ms=300) for _ in range(5)]
            await eventually(lambda: are_over(world))
            after_few = len(replica.foreseen)
            at = await world.now() + timedelta(seconds=2)
            crowd = []
            for _ in range(60):
                ms = int((at - await world.now()).total_seconds() * 1000)
                crowd.append(await asleep(world, replica, ms=ms))
            await eventually(lambda: len(replica.foreseen) >= loop_of_timers.SLICE)
            early = [found(world, one).status for one in crowd]
            await eventually(lambda: are_over(world))

        assert 0 == after_few
        assert {"waiting"} == set(early)
        assert {InstanceKey(ACME, one) for one in crowd} >= set(replica.foreseen)
        assert [1] * len([*few, *crowd]) == firings(world)

    async def test_does_not_wait_for_a_replica_that_took_it_up_and_stands_still(
        self, world: MemoryWorld
    ) -> None:
        """Nothing is anybody's own: a replica that hangs costs no timer."""
        await started_elsewhere(world, 50)
        stuck, well = Replica(world, SELDOM), Replica(world, SELDOM)
        stuck.is_stuck = True

        async with at_work(stuck):
            await eventually(lambda: len(stuck.fired) == 50)
            async with at_work(well):
                await eventually(lambda: are_over(world))

        assert [1] * 50 == firings(world)

    async def test_larger_than_a_look_is_worked_off_look_by_look(
        self, world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Memory is bounded; the rest is due all the same, and no poll is waited for."""
        for name, size in (("MOST", 40), ("CROWD", 25), ("SLICE", 10)):
            monkeypatch.setattr(loop_of_timers, name, size)
        await started_elsewhere(world, 150)

        async with at_work(Replica(world, SELDOM)):
            await eventually(lambda: are_over(world))

        assert [1] * 150 == firings(world)

    async def test_keeps_an_instances_timers_in_their_order(self, world: MemoryWorld) -> None:
        """Those of different instances are shuffled; whoever counts on an order has it."""
        spec = {
            "type": "parallel",
            "states": {
                name: {
                    "initial": "on",
                    "states": {"on": {"after": {str(ms): "off"}}, "off": {"type": "final"}},
                }
                for name, ms in (("b", 20), ("a", 10), ("c", 30))
            },
        }
        await Stage(world).define(spec, key="thrice")
        elsewhere = Replica(world, SELDOM)
        async with at_work(elsewhere, firing=False):
            for _ in range(100):
                await elsewhere.submit(Stage(world).start_request("thrice"))
        await world.move_clock(HOUR)

        async with at_work(Replica(world, SELDOM)):
            await eventually(lambda: are_over(world))

        fired = {
            tuple(
                str(json.load(entry.payload)["due"])  # type: ignore[index, call-overload]  # ours
                for entry in entries
                if entry.type == "TIMER_FIRED"
            )
            for entries in world.database.history.values()
        }
        assert all(len(dues) == 3 for dues in fired)
        assert all(sorted(dues) == list(dues) for dues in fired)
