"""Tenants as stored, and what is kept from those that are suspended."""

from datetime import timedelta
from itertools import pairwise

from control_plane.ports.audit import AuditFilter, Noted, Target
from control_plane.ports.tenant_store import Tenant
from shared.ids import TenantId
from tests.contract.material import claimed, instance, new_task, open_session, start, stored
from tests.contract.worlds import ACME, OTHER, World

NEW = TenantId("newcomer")
MINUTE = timedelta(minutes=1)
NOTED = Noted(principal="key:root", credential_id="root", method="foliot.v1.TenantService/X")


class TestATenant:
    async def test_is_found_as_it_was_created(self, world: World) -> None:
        """And is not suspended."""
        created, is_new = await world.tenants.create(NEW, "Newcomer Ltd.")

        expected = Tenant(
            tenant_id=NEW, display_name="Newcomer Ltd.", created_at=created.created_at
        )
        assert (expected, True) == (created, is_new)
        assert expected == await world.tenants.get(NEW)

    async def test_that_is_there_stays_as_it_is(self, world: World) -> None:
        """Creating it again is a repeat."""
        first, _ = await world.tenants.create(NEW, "Newcomer Ltd.")

        assert (first, False) == await world.tenants.create(NEW, "Newcomer Inc.")

    async def test_that_is_unknown_is_none_whatever_is_done_to_it(self, world: World) -> None:
        """Nothing is made by the way."""
        assert await world.tenants.get(NEW) is None
        assert await world.tenants.rename(NEW, "x") is None
        assert await world.tenants.suspend(NEW, "x") is None
        assert await world.tenants.resume(NEW) is None

    async def test_takes_another_name(self, world: World) -> None:
        """Its id is for good, its name for people."""
        renamed = await world.tenants.rename(ACME, "Acme Corp.")

        assert renamed is not None
        assert "Acme Corp." == renamed.display_name
        assert renamed == await world.tenants.get(ACME)

    async def test_is_suspended_once_and_resumed(self, world: World) -> None:
        """The first reason and the first instant stay."""
        first = await world.tenants.suspend(ACME, "unpaid")
        again = await world.tenants.suspend(ACME, "other")
        resumed = await world.tenants.resume(ACME)

        assert first is not None
        assert first.suspended_at is not None
        assert "unpaid" == first.suspend_reason
        assert first == again
        assert resumed is not None
        assert (None, None) == (resumed.suspended_at, resumed.suspend_reason)

    async def test_is_listed_by_id_and_by_whether_it_is_suspended(self, world: World) -> None:
        """Page by page."""
        await world.tenants.suspend(ACME, "unpaid")

        everybody = await world.tenants.list(suspended=None, after=None, limit=10)
        second = await world.tenants.list(suspended=None, after=ACME, limit=10)
        suspended = await world.tenants.list(suspended=True, after=None, limit=10)
        free = await world.tenants.list(suspended=False, after=None, limit=10)

        assert [ACME, OTHER] == [one.tenant_id for one in everybody]
        assert [OTHER] == [one.tenant_id for one in second]
        assert [ACME] == [one.tenant_id for one in suspended]
        assert [OTHER] == [one.tenant_id for one in free]

    async def test_leaves_an_entry_for_each_change_and_none_for_a_repeat(
        self, world: World
    ) -> None:
        """The entry is the tenant's own: its administrators see what was done to it."""
        await world.tenants.create(NEW, "Newcomer", noted=NOTED)
        await world.tenants.create(NEW, "Newcomer", noted=NOTED)
        await world.tenants.rename(NEW, "Newcomer Ltd.", noted=NOTED)
        await world.tenants.rename(NEW, "Newcomer Ltd.", noted=NOTED)
        await world.tenants.suspend(NEW, "unpaid", noted=NOTED)
        await world.tenants.suspend(NEW, "unpaid", noted=NOTED)
        await world.tenants.resume(NEW, noted=NOTED)
        await world.tenants.resume(NEW, noted=NOTED)

        entries = await world.audit.list(NEW, AuditFilter(), after=None, limit=10)
        assert 4 == len(entries)
        assert {Target("tenant", NEW)} == {one.target for one in entries}
        assert entries[-1].before_hash is None
        assert all(newer.before_hash == older.after_hash for newer, older in pairwise(entries))


class TestASuspendedTenant:
    async def test_has_none_of_its_tasks_claimed_until_it_is_resumed(self, world: World) -> None:
        """Nobody else waits for it, and nothing of it is lost."""
        mine = instance(await world.now())
        others = instance(await world.now(), tenant_id=OTHER)
        await stored(world, start(mine, new_tasks=[new_task(mine, 1)]))
        await stored(world, start(others, new_tasks=[new_task(others, 1)]))
        session = await open_session(world)
        await world.tenants.suspend(ACME, "unpaid")

        meanwhile = await claimed(world, session, 10)
        await world.tenants.resume(ACME)
        afterwards = await claimed(world, session, 10)

        assert [others.instance_id] == [instance_id for instance_id, _ in meanwhile]
        assert [mine.instance_id] == [instance_id for instance_id, _ in afterwards]

    async def test_keeps_its_limits(self, world: World) -> None:
        """Being suspended is no limit that anybody could see or lift."""
        await world.tenants.suspend(ACME, "unpaid")

        assert [] == await world.limits.of_tenant(ACME)
        assert not await world.limits.remove(ACME, "")

    async def test_has_timers_that_come_due_once_it_is_resumed(self, world: World) -> None:
        """They are late then, as after a downtime."""
        now = await world.now()
        mine, others = instance(now), instance(now, tenant_id=OTHER)
        await stored(world, start(mine, armed={"mine": now + MINUTE}))
        await stored(world, start(others, armed={"others": now + MINUTE}))
        await world.tenants.suspend(ACME, "unpaid")
        await world.move_clock(2 * MINUTE)

        meanwhile = await world.due.timers(10)
        await world.tenants.resume(ACME)
        afterwards = await world.due.timers(10)

        assert ["others"] == [timer.timer_id for timer in meanwhile.timers]
        assert {"mine", "others"} == {timer.timer_id for timer in afterwards.timers}
