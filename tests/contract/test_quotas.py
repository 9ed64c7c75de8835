"""Quotas: what was set for whom, and how much of it there is."""

from dataclasses import replace

import pytest

from control_plane.ports.audit import AuditFilter, Noted
from control_plane.ports.quotas import Bounds, Counted, QuotaKind
from shared.ids import TenantId
from shared.tasks import TaskType
from tests.contract.material import (
    claimed,
    closed,
    instance,
    new_task,
    open_session,
    start,
    started,
    stored,
)
from tests.contract.worlds import ACME, OTHER, World

NOBODY = TenantId("nobody")
FAR = Bounds(instances=1_000, tasks=1_000)
NOTED = Noted(principal="key:ops", credential_id="ops", method="foliot.v1.AdminService/SetQuota")


class TestAQuota:
    async def test_is_the_tenants_own_once_it_was_set(self, world: World) -> None:
        """Each kind for itself; the other tenants' stay the platform's."""
        assert await world.quotas.put(ACME, QuotaKind.STREAMS, 5)
        assert await world.quotas.put(ACME, QuotaKind.OPEN_TASKS, 0)
        assert await world.quotas.put(ACME, QuotaKind.STREAMS, 7)

        own, others = await world.quotas.of_tenant(ACME), await world.quotas.of_tenant(OTHER)
        assert own is not None
        assert others is not None
        assert {QuotaKind.STREAMS: 7, QuotaKind.OPEN_TASKS: 0} == own.limits
        assert {} == others.limits

    async def test_goes_when_it_is_removed(self, world: World) -> None:
        """And the default holds again; there is nothing to remove a second time."""
        await world.quotas.put(ACME, QuotaKind.STREAMS, 5)

        removed = await world.quotas.remove(ACME, QuotaKind.STREAMS)
        again = await world.quotas.remove(ACME, QuotaKind.STREAMS)

        own = await world.quotas.of_tenant(ACME)
        assert own is not None
        assert (True, False, {}) == (removed, again, own.limits)

    async def test_is_of_tenants_that_there_are(self, world: World) -> None:
        """A number for a name that was misspelt would hold nobody back."""
        assert not await world.quotas.put(NOBODY, QuotaKind.STREAMS, 5)
        assert not await world.quotas.remove(NOBODY, QuotaKind.STREAMS)
        assert await world.quotas.of_tenant(NOBODY) is None

    @pytest.mark.parametrize("kind", QuotaKind)
    async def test_can_be_had_of_every_kind(self, world: World, kind: QuotaKind) -> None:
        """A kind that went to no column would be lost without a word."""
        await world.quotas.put(ACME, kind, 3)

        own = await world.quotas.of_tenant(ACME)
        assert own is not None
        assert {kind: 3} == own.limits
        assert await world.quotas.remove(ACME, kind)

    async def test_leaves_an_audit_entry_for_each_change(self, world: World) -> None:
        """One that changes nothing leaves none."""
        await world.quotas.put(ACME, QuotaKind.STREAMS, 5, noted=NOTED)
        await world.quotas.put(ACME, QuotaKind.STREAMS, 5, noted=NOTED)
        await world.quotas.remove(ACME, QuotaKind.STREAMS, noted=NOTED)
        await world.quotas.remove(ACME, QuotaKind.STREAMS, noted=NOTED)

        entries = await world.audit.list(ACME, AuditFilter(), after=None, limit=10)
        assert [("quota", "streams")] * 2 == [tuple(one.target) for one in entries]


class TestWhatHasChanged:
    async def test_is_told_from_the_instant_on(self, world: World) -> None:
        """A replica learns what others have set, page by page, what was removed included."""
        await world.quotas.put(ACME, QuotaKind.STREAMS, 5)
        await world.quotas.put(OTHER, QuotaKind.STREAMS, 6)
        first = await world.quotas.changed(None, TenantId(""), 1)
        await world.quotas.remove(ACME, QuotaKind.STREAMS)

        later = await world.quotas.changed(first[0].updated_at, first[0].tenant_id, 10)

        assert [(ACME, 5)] == [(one.tenant_id, one.limits[QuotaKind.STREAMS]) for one in first]
        assert [(OTHER, {QuotaKind.STREAMS: 6}), (ACME, {})] == [
            (one.tenant_id, one.limits) for one in later
        ]


class TestCountingWhatIsOpen:
    async def test_counts_each_tenants_own(self, world: World) -> None:
        """What has ended does not count, and what others have is theirs."""
        await started(world, tasks=2)
        ended = await started(world)
        await stored(world, closed(ended, "completed"))
        await started(world, tasks=1, tenant_id=OTHER)

        counted = await world.quotas.count_open({ACME: FAR, OTHER: FAR, NOBODY: FAR})

        assert {ACME: Counted(1, 2), OTHER: Counted(1, 1), NOBODY: Counted(0, 0)} == counted

    async def test_counts_a_task_wherever_it_is(self, world: World) -> None:
        """Ready, delayed, with an executor, or with a person."""
        fresh = instance(await world.now())
        later = replace(new_task(fresh, 2), run_at=fresh.updated_at.replace(year=9000))
        person = new_task(fresh, 3, type=TaskType.HUMAN)
        await stored(world, start(fresh, new_tasks=[new_task(fresh, 1), later, person]))
        await claimed(world, await open_session(world), max_tasks=1)

        counted = await world.quotas.count_open({ACME: FAR})

        assert {ACME: Counted(1, 3)} == counted

    async def test_ends_at_the_bounds(self, world: World) -> None:
        """So that counting a tenant costs no more than its quota is worth."""
        for _ in range(3):
            await started(world, tasks=2)

        counted = await world.quotas.count_open({ACME: Bounds(instances=2, tasks=5)})

        assert {ACME: Counted(2, 5)} == counted

    async def test_of_definitions_ends_there_too(self, world: World) -> None:
        """Versions count, whatever their status."""
        for number in range(3):
            await world.definitions.create(
                ACME,
                key="order",
                spec=f'{{"id":"order{number}"}}',
                spec_hash=bytes([number]) * 32,
                description="",
                created_by="key:a",
                repeatable=None,
            )

        assert 3 == await world.quotas.count_definitions(ACME, 10)
        assert 2 == await world.quotas.count_definitions(ACME, 2)
        assert 0 == await world.quotas.count_definitions(OTHER, 10)
