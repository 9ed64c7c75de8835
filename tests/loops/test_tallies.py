"""What is open of a tenant, known without a count at each start."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from control_plane.loops.tallies import COUNT_EVERY_S, OLD_AFTER_S, REPLICAS, Tallies
from control_plane.ports.instance_store import Change
from control_plane.ports.quotas import Bounds, Counted, QuotaKind
from control_plane.use_cases.quotas import DEFAULTS, Quotas
from shared.errors import QuotaExceeded
from shared.ids import TenantId
from tests.contract.material import closed, instance, new_task, start
from tests.contract.worlds import ACME, OTHER, MemoryWorld

SECOND = timedelta(seconds=1)


class Counts:
    """A store whose numbers a test sets, and which knows how often it was asked."""

    def __init__(self) -> None:
        self.open: dict[TenantId, Counted] = {}
        self.asked: list[frozenset[TenantId]] = []
        self.broken = False

    async def count_open(self, bounds: Mapping[TenantId, Bounds]) -> Mapping[TenantId, Counted]:
        self.asked.append(frozenset(bounds))
        if self.broken:
            raise OSError
        return {one: self.open.get(one, Counted(0, 0)) for one in bounds}


class Stage:
    """Tallies at work, by a clock that stands still."""

    def __init__(self, instances: int = 100, tasks: int = 1_000, **more: int) -> None:
        self.counts = Counts()
        self.now = 1_000.0
        limits = {QuotaKind.OPEN_INSTANCES: instances, QuotaKind.OPEN_TASKS: tasks}
        self.tallies = Tallies(
            self.counts,  # type: ignore[arg-type]  # all that tallies ask of it
            Quotas({**DEFAULTS, **limits}),
            monotonic=lambda: self.now,
            **more,
        )

    async def counted(self, times: int) -> None:
        """Wait until so many counts have ended."""
        async with asyncio.timeout(10):
            while len(self.counts.asked) < times or self.tallies._wanted:  # noqa: ASYNC110 - bounded
                await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def start(self, times: int = 1, tenant_id: TenantId = ACME) -> None:
        """Starts that are admitted, and commit an instance with a task each."""
        for _ in range(times):
            await self.tallies.admit(tenant_id)
            self.tallies.committed([born(tenant_id)])
            self.tallies.done(tenant_id)


@asynccontextmanager
async def at_work(**values: int) -> AsyncIterator[Stage]:
    stage, stop = Stage(**values), asyncio.Event()
    running = asyncio.create_task(stage.tallies.run(stop))
    try:
        yield stage
    finally:
        stop.set()
        stage.tallies._bell.set()
        await running


def born(tenant_id: TenantId = ACME, tasks: int = 1) -> Change:
    """The commit that starts an instance."""
    fresh = instance(MemoryWorld().database.now(), tenant_id=tenant_id)
    return start(fresh, new_tasks=[new_task(fresh, n) for n in range(1, tasks + 1)])


class TestAStart:
    async def test_is_admitted_where_its_tenant_has_not_been_counted(self) -> None:
        """It waits for no count; that begins meanwhile."""
        async with at_work() as stage:
            stage.counts.open[ACME] = Counted(100, 0)
            await stage.start()
            await stage.counted(1)

            assert [{ACME}] == stage.counts.asked

    async def test_is_refused_where_there_is_no_room(self) -> None:
        """With the quota's name, and when it will be counted again."""
        async with at_work() as stage:
            await stage.start()
            await stage.counted(1)
            stage.counts.open[ACME] = Counted(100, 0)
            stage.now += COUNT_EVERY_S
            await stage.start(100 // REPLICAS + 1)
            await stage.counted(2)

            with pytest.raises(QuotaExceeded) as refused:
                await stage.start(100)

        assert ("open_instances", "100") == tuple(refused.value.metadata.values())
        assert timedelta(seconds=COUNT_EVERY_S) == refused.value.retry_in

    async def test_counts_from_its_admission_on(self) -> None:
        """Starts under way at once do not all find the last place free."""
        async with at_work(instances=3) as stage:
            for _ in range(3):
                await stage.tallies.admit(ACME)
            with pytest.raises(QuotaExceeded):
                await stage.tallies.admit(ACME)
            stage.tallies.done(ACME)

            await stage.tallies.admit(ACME)

    async def test_is_refused_where_too_many_tasks_are_open(self) -> None:
        """Instances are what creates tasks."""
        async with at_work(tasks=10) as stage:
            stage.counts.open[ACME] = Counted(10, 10)
            await stage.start(10)

            with pytest.raises(QuotaExceeded) as refused:
                await stage.start()

        assert "open_tasks" == refused.value.metadata["quota"]

    async def test_is_none_of_another_tenants_business(self) -> None:
        """Each has its own."""
        async with at_work(instances=2) as stage:
            await stage.start(2)

            await stage.start(2, OTHER)


class TestWhatHasEnded:
    async def test_here_makes_room_without_a_count(self) -> None:
        """The commit that ends an instance says so."""
        async with at_work(instances=2) as stage:
            await stage.start()
            await stage.counted(1)
            asked = len(stage.counts.asked)
            for _ in range(50):
                change = born(tasks=0)
                ended = closed(change.after, "completed")
                later = replace(ended.after, updated_at=ended.after.updated_at + SECOND)
                stage.tallies.committed([change, ended, replace(ended, after=later)])

            await stage.tallies.admit(ACME)

            assert asked == len(stage.counts.asked)

    async def test_elsewhere_is_found_before_anything_is_refused(self) -> None:
        """What other replicas end is not known here, and must not hold a tenant back."""
        async with at_work(instances=10) as stage:
            await stage.start(10)
            await stage.counted(1)
            stage.counts.open[ACME] = Counted(4, 4)
            stage.now += COUNT_EVERY_S

            await stage.start()


class TestWhatOthersAdmit:
    async def test_is_found_when_a_sixteenth_of_the_room_is_filled(self) -> None:
        """So up to sixteen replicas come to the limit together."""
        async with at_work(instances=1_600) as stage:
            await stage.start()
            await stage.counted(1)
            stage.now += COUNT_EVERY_S
            await stage.start(1_600 // REPLICAS - 1)
            before = len(stage.counts.asked)

            await stage.start(2)
            await stage.counted(before + 1)

            assert before + 1 == len(stage.counts.asked)

    async def test_is_found_when_the_count_is_old(self) -> None:
        """However little the tenant starts here."""
        async with at_work(instances=1_600) as stage:
            stage.counts.open[ACME] = Counted(800, 0)
            await stage.start()
            await stage.counted(1)
            stage.now += OLD_AFTER_S
            await stage.start()
            await stage.counted(2)

            assert 2 == len(stage.counts.asked)


class TestCounting:
    async def test_a_tenant_is_not_done_again_at_once(self) -> None:
        """A tenant at its limit that starts on and on costs four counts a second."""
        async with at_work(instances=0) as stage:
            for _ in range(20):
                with pytest.raises(QuotaExceeded):
                    await stage.tallies.admit(ACME)

            assert 1 == len(stage.counts.asked)

    async def test_much_is_done_more_rarely(self) -> None:
        """A million rows take a second to count, so the next count is twenty seconds away."""
        async with at_work(instances=1_000_000) as stage:
            stage.counts.open[ACME] = Counted(1_000_000, 0)
            await stage.start()
            await stage.counted(1)
            stage.now += 19

            with pytest.raises(QuotaExceeded) as refused:
                await stage.start()

        assert timedelta(seconds=20) == refused.value.retry_in
        assert 1 == len(stage.counts.asked)

    async def test_many_tenants_takes_few_statements(self) -> None:
        """What is wanted while one is under way goes with the next."""
        async with at_work() as stage:
            for number in range(1_200):
                await stage.tallies.admit(TenantId(f"t{number}"))
            await stage.counted(3)

            assert [500, 500, 200] == [len(one) for one in stage.counts.asked]

    async def test_does_not_happen_where_nothing_is_started(self) -> None:
        """Commits of tenants that start nothing here are passed over."""
        async with at_work() as stage:
            stage.tallies.committed([born() for _ in range(10)])

            assert not stage.tallies._tallies
            assert not stage.counts.asked

    async def test_that_fails_refuses_by_what_is_known(self) -> None:
        """The database's absence neither opens the gates nor closes them."""
        async with at_work(instances=2) as stage:
            stage.counts.broken = True
            await stage.start(2)

            with pytest.raises(QuotaExceeded):
                await stage.start()


class TestTheTallies:
    async def test_are_no_more_than_so_many(self) -> None:
        """The tenant that started something longest ago is forgotten."""
        async with at_work(max_tallies=2) as stage:
            for tenant in ("a", "b", "a", "c"):
                await stage.start(1, TenantId(tenant))

            assert ["a", "c"] == list(stage.tallies._tallies)
            stage.tallies.done(TenantId("b"))
