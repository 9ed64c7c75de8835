"""Who did what: written with the change or not at all, and never changed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import asyncpg
import pytest

from control_plane.ports.audit import AuditEntry, AuditFilter, Noted, NotedChange, Target
from control_plane.ports.limit_store import TaskLimit
from control_plane.ports.records import DefinitionStatus
from control_plane.ports.schedule_store import Firing
from control_plane.use_cases import schedule_moves
from shared.ids import new_instance_id
from shared.json import digest
from tests.contract.material import instance, start, step, stored
from tests.contract.test_schedule_store import schedule
from tests.contract.worlds import ACME, OTHER, PostgresWorld, World

DAY = timedelta(days=1)
STATUSES: Sequence[DefinitionStatus] = ("active", "active", "inactive", "archived", "archived")


def noted(method: str = "foliot.v1.AdminService/SetTaskLimit", principal: str = "key:ada") -> Noted:
    return Noted(
        principal=principal,
        credential_id="ada",
        method=method,
        reason="because",
        request_id="r-1",
        correlation_id="c-1",
    )


async def limited(world: World, key: str, by: Noted, most: int = 1) -> None:
    await world.limits.put(ACME, TaskLimit(key=key, max_running=most), at_most=100, noted=by)


class TestAnEntry:
    async def test_is_written_with_the_change_of_a_store(self, world: World) -> None:
        """All that is known of the call, the thing, and what it was before and after."""
        before = await world.now()
        await limited(world, "bank", noted())

        (entry,) = await world.audit.list(ACME, AuditFilter(), after=None, limit=10)

        assert noted() == entry.noted
        assert Target("task_limit", "bank") == entry.target
        assert ACME == entry.tenant_id
        assert before <= entry.at <= await world.now()
        assert entry.before_hash is None
        assert entry.after_hash is not None

    async def test_is_not_written_where_nothing_changed(self, world: World) -> None:
        """A repeat, and a change that nobody is to know of."""
        await limited(world, "bank", noted())
        await limited(world, "bank", noted())
        await world.limits.remove(ACME, "none", noted=noted())
        await world.limits.put(ACME, TaskLimit(key="other", max_running=1), at_most=100)

        assert 1 == len(await world.audit.list(ACME, AuditFilter(), after=None, limit=10))

    async def test_is_written_with_the_change_of_an_instance_and_only_if_it_is_kept(
        self, world: World
    ) -> None:
        """Whoever was overtaken has done nothing."""
        fresh = instance(await world.now())
        await stored(world, start(fresh))
        change = NotedChange(
            noted("foliot.v1.InstanceService/PauseInstance"),
            Target("instance", str(fresh.instance_id)),
            fresh.history_hash,
            digest("2"),
        )
        overtaken = step(fresh, noted=[change], expected_revision=7)

        refused = await world.store.write([overtaken])
        meanwhile = await world.audit.list(ACME, AuditFilter(), after=None, limit=10)
        await stored(world, step(fresh, noted=[change]))
        (entry,) = await world.audit.list(ACME, AuditFilter(), after=None, limit=10)

        assert frozenset() == refused
        assert [] == meanwhile
        assert change == NotedChange(
            entry.noted, entry.target, entry.before_hash, entry.after_hash or b""
        )


class TestEveryStore:
    async def test_notes_what_becomes_of_definitions(self, world: World) -> None:
        """A version that is active already is not activated once more."""
        made = await world.definitions.create(
            ACME,
            key="order",
            spec="{}",
            spec_hash=digest("{}"),
            description="",
            created_by="ada",
            noted=noted(),
        )
        for status in STATUSES:
            await world.definitions.set_status(ACME, made.definition_id, status, noted=noted())

        entries = await world.audit.list(ACME, AuditFilter(), after=None, limit=10)
        assert 4 == len(entries)
        assert {Target("definition", str(made.definition_id))} == {one.target for one in entries}
        assert _is_a_chain(entries)

    async def test_notes_what_becomes_of_retentions(self, world: World) -> None:
        """One that was set as it is, or lifted though there is none, is no change."""
        for keep in (DAY, DAY, 2 * DAY):
            await world.retention.put(ACME, "order", keep, archives=True, noted=noted())
        for _ in range(2):
            await world.retention.remove(ACME, "order", noted=noted())

        entries = await world.audit.list(ACME, AuditFilter(), after=None, limit=10)
        assert [Target("retention", "order")] * 3 == [one.target for one in entries]
        assert _is_a_chain(entries)
        assert entries[0].after_hash is None

    async def test_notes_what_becomes_of_limits(self, world: World) -> None:
        """From the first to none."""
        for most in (1, 1, 2):
            await limited(world, "bank", noted(), most)
        for _ in range(2):
            await world.limits.remove(ACME, "bank", noted=noted())

        entries = await world.audit.list(ACME, AuditFilter(), after=None, limit=10)
        assert [Target("task_limit", "bank")] * 3 == [one.target for one in entries]
        assert _is_a_chain(entries)
        assert entries[0].after_hash is None

    async def test_notes_what_callers_do_to_schedules_and_nothing_that_the_calendar_does(
        self, world: World
    ) -> None:
        """A start that somebody asked for is a change; that it was carried out is none."""
        now = await world.now()
        fresh = replace(await schedule(world), schedule_id="nightly")
        await world.schedules.create(fresh, most=10, noted=noted())
        paused = schedule_moves.paused(fresh, "", now)
        firing = Firing(nominal=now, instance_id=new_instance_id(), decided_at=now)
        moves = (
            (paused, noted()),
            (replace(paused, step=2), noted()),
            (replace(paused, step=3, firing=firing), noted()),
            (replace(paused, step=4, starts=1), None),
        )
        for moved, by in moves:
            assert await world.schedules.put([moved], noted=by)
        assert not await world.schedules.put([paused], noted=noted())
        for _ in range(2):
            await world.schedules.delete(ACME, fresh.schedule_id, noted=noted())

        entries = await world.audit.list(ACME, AuditFilter(), after=None, limit=10)
        assert [Target("schedule", fresh.schedule_id)] * 4 == [one.target for one in entries]
        assert entries[0].after_hash is None
        assert entries[-1].before_hash is None


def _is_a_chain(entries: Sequence[AuditEntry]) -> bool:
    """Each begins with what the one before it came to."""
    return entries[-1].before_hash is None and all(
        newer.before_hash == older.after_hash for newer, older in pairwise(entries)
    )


class TestTheLog:
    async def test_is_told_newest_first_page_by_page(self, world: World) -> None:
        """And to nobody else's tenant."""
        for name in ("a", "b", "c"):
            await limited(world, name, noted())

        first = await world.audit.list(ACME, AuditFilter(), after=None, limit=2)
        last = first[-1].at, first[-1].entry_id
        second = await world.audit.list(ACME, AuditFilter(), after=last, limit=2)

        assert ["c", "b", "a"] == [one.target.id for one in (*first, *second)]
        assert [] == await world.audit.list(OTHER, AuditFilter(), after=None, limit=2)
        assert [] == await world.audit.list(None, AuditFilter(), after=None, limit=2)

    async def test_is_told_by_who_what_and_when(self, world: World) -> None:
        """Each term alone finds its one."""
        await limited(world, "a", noted())
        await limited(world, "b", noted(principal="key:eve"))
        await limited(world, "c", noted("foliot.v1.AdminService/Other"))
        await world.move_clock(DAY)
        later = await world.now()
        await world.tenants.rename(ACME, "Acme Corp.", noted=noted())

        async def found(**terms: object) -> list[str]:
            wanted = AuditFilter(**terms)  # type: ignore[arg-type]  # as each test says
            entries = await world.audit.list(ACME, wanted, after=None, limit=10)
            return [one.target.id for one in entries]

        assert ["b"] == await found(principal="key:eve")
        assert ["c"] == await found(method="foliot.v1.AdminService/Other")
        assert ["a"] == await found(target_id="a")
        assert [ACME] == await found(target_kind="tenant")
        assert [ACME] == await found(since=later)
        assert ["c", "b", "a"] == await found(until=later)

    async def test_forgets_what_is_past_its_time_and_nothing_younger_than_a_day(
        self, world: World
    ) -> None:
        """Whatever it is told: no control plane covers its tracks."""
        await limited(world, "a", noted())
        await world.move_clock(2 * DAY)
        await limited(world, "b", noted())

        nothing = await world.audit.forget(3 * DAY, 10)
        old = await world.audit.forget(timedelta(0), 10)

        assert (0, 1) == (nothing, old)
        (left,) = await world.audit.list(ACME, AuditFilter(), after=None, limit=10)
        assert "b" == left.target.id

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE foliot.audit SET principal = 'key:nobody'",
            "DELETE FROM foliot.audit",
            "TRUNCATE foliot.audit",
        ],
    )
    async def test_is_changed_by_no_role_that_runs(
        self, postgres: PostgresWorld, statement: str
    ) -> None:
        """Also by whoever has taken a control plane over."""
        await limited(postgres, "a", noted())

        for pool in (postgres.pool, postgres.across):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.execute(statement)
