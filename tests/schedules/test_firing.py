"""A schedule starts one instance for each of its times, when that has come."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from control_plane.use_cases.delete_schedule import delete_schedule
from control_plane.use_cases.pause_schedule import pause_schedule
from control_plane.use_cases.resume_schedule import resume_schedule
from control_plane.use_cases.schedule_fields import WantedSchedule
from control_plane.use_cases.update_schedule import update_schedule
from shared import json
from tests.contract.worlds import ACME
from tests.schedules.calendar import DEFINITION, NAME, Calendar

JITTER = timedelta(minutes=10)


def at_nine(**more: object) -> WantedSchedule:
    values: dict[str, object] = {
        "cron": "0 9 * * *",
        "time_zone": "UTC",
        "definition_key": DEFINITION,
        "input": None,
        "labels": {},
        "overlap": "skip",
        "catch_up": None,
        "jitter": None,
        "description": "",
    }
    return WantedSchedule(**values | more)  # type: ignore[arg-type]  # a test's own words


class TestATimeThatHasCome:
    async def test_starts_an_instance_and_none_before(self, calendar: Calendar) -> None:
        """By the database's clock, whatever that of the control plane says."""
        await calendar.at("2026-01-01T08:58:00Z")
        await calendar.keep("0 9 * * *")

        await calendar.fire()
        before = await calendar.started()
        await calendar.at("2026-01-01T09:00:01Z")
        await calendar.fire()

        assert ([], ["2026-01-01T09:00"]) == (before, await calendar.started())

    async def test_starts_one_however_often_it_is_looked_for(self, calendar: Calendar) -> None:
        """By any control plane, one after the other and all at once."""
        await calendar.at("2026-01-01T08:59:00Z")
        await calendar.keep("0 9 * * *", overlap="allow")
        await calendar.at("2026-01-01T09:00:01Z")

        await asyncio.gather(*(calendar.fire(plane) for plane in (0, 1, 0, 1)))
        await calendar.fire()

        assert ["2026-01-01T09:00"] == await calendar.started()
        assert 1 == (await calendar.look()).starts

    async def test_is_followed_by_the_next(self, calendar: Calendar) -> None:
        """The calendar goes on by itself, in the schedule's time zone."""
        await calendar.at("2026-03-28T00:00:00Z")
        await calendar.keep("30 2 * * *", "Europe/Berlin")

        for day in ("2026-03-28T01:30:05Z", "2026-03-29T01:00:05Z", "2026-03-30T00:30:05Z"):
            await calendar.at(day)
            await calendar.fire()
            await calendar.end_all()

        assert ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"] == (
            await calendar.started()
        )
        assert datetime(2026, 3, 31, 0, 30, tzinfo=UTC) == (await calendar.look()).next_at

    async def test_is_told_to_the_instance_with_its_input(self, calendar: Calendar) -> None:
        """A report has to know of which night it is, however late it is written."""
        await calendar.at("2026-07-01T06:59:00Z")
        await calendar.keep("0 9 * * *", "Europe/Berlin", input='{"of": "sales"}')
        await calendar.at("2026-07-01T07:20:00Z")
        await calendar.fire()

        (instance,) = await calendar.instances()
        context = json.load(instance.context)
        assert isinstance(context, dict)
        assert {
            "of": "sales",
            "schedule": {
                "id": NAME,
                "time": "2026-07-01T07:00:00Z",
                "local_time": "2026-07-01T09:00:00+02:00",
                "time_zone": "Europe/Berlin",
                "triggered": False,
            },
        } == context["input"]

    async def test_leaves_its_name_on_the_instance(self, calendar: Calendar) -> None:
        """Who asks why it was started finds the schedule, and its labels."""
        await calendar.at("2026-01-01T08:59:00Z")
        await calendar.keep("0 9 * * *", labels={"team": "ops"})
        await calendar.at("2026-01-01T09:00:01Z")
        await calendar.fire()

        (instance,) = await calendar.instances()
        schedule = await calendar.look()

        assert (NAME, f"schedule:{NAME}", '{"team":"ops"}') == (
            instance.schedule_id,
            instance.started_by,
            instance.labels,
        )
        assert (instance.instance_id, None) == (schedule.last_instance_id, schedule.last_error)

    async def test_is_as_late_as_its_jitter_and_no_later(self, calendar: Calendar) -> None:
        """The same delay for every control plane, and another for every time."""
        await calendar.at("2026-01-01T08:59:00Z")
        schedule = await calendar.keep("0 9 * * *", jitter=JITTER)
        assert schedule.next_at is not None
        assert schedule.due_at is not None
        late = schedule.due_at - schedule.next_at

        await calendar.world.move_clock(
            schedule.due_at - timedelta(seconds=30) - await calendar.world.now()
        )
        await calendar.fire()
        before = await calendar.started()
        await calendar.world.move_clock(timedelta(minutes=1))
        await calendar.fire()

        after = await calendar.look()
        assert after.next_at is not None
        assert after.due_at is not None
        assert timedelta(0) <= late < JITTER
        assert late != after.due_at - after.next_at
        assert ([], ["2026-01-01T09:00"]) == (before, await calendar.started())

    async def test_of_very_many_schedules_starts_all_of_them(self, calendar: Calendar) -> None:
        """Midnight: more than fit into one slice."""
        await calendar.at("2026-01-01T08:59:00Z")
        for n in range(30):
            await calendar.keep("0 9 * * *", name=f"s{n}")
        await calendar.at("2026-01-01T09:00:01Z")

        await calendar.fire()

        assert [["2026-01-01T09:00"]] * 30 == [await calendar.started(f"s{n}") for n in range(30)]


class TestAScheduleThatCannotBeReckoned:
    async def test_keeps_no_other_from_its_times(self, calendar: Calendar) -> None:
        """A control plane that does not know its zone yet, or any more, is no reason to stop."""
        await calendar.at("2026-01-01T08:59:00Z")
        await calendar.keep("0 9 * * *", name="lost")
        await calendar.keep("0 9 * * *")
        lost = await calendar.look("lost")
        nowhere = replace(lost, spec=replace(lost.spec, time_zone="Moon/Tycho"))
        await calendar.world.schedules.put([nowhere])
        await calendar.at("2026-01-01T09:00:01Z")
        await calendar.fire()

        assert ["2026-01-01T09:00"] == await calendar.started()


class TestAStartThatIsRefused:
    async def test_is_told_and_the_next_time_is_another_chance(self, calendar: Calendar) -> None:
        """Nobody is there to see it: the schedule remembers, and goes on."""
        await calendar.at("2026-01-01T08:59:00Z")
        await calendar.keep("0 9 * * *")
        definition = await calendar.world.definitions.find(ACME, DEFINITION, None)
        assert definition is not None
        await calendar.world.definitions.set_status(ACME, definition.definition_id, "inactive")
        await calendar.at("2026-01-01T09:00:01Z")
        await calendar.fire()
        refused = await calendar.look()

        await calendar.world.definitions.set_status(ACME, definition.definition_id, "active")
        await calendar.at("2026-01-02T09:00:01Z")
        await calendar.fire()
        went_well = await calendar.look()

        assert refused.last_error is not None
        assert "DEFINITION_NOT_FOUND" in refused.last_error
        assert (0, 1, None) == (refused.starts, refused.failures, refused.last_instance_id)
        assert (1, 1, None) == (went_well.starts, went_well.failures, went_well.last_error)
        assert ["2026-01-02T09:00"] == await calendar.started()


class TestAPausedSchedule:
    async def test_starts_nothing_and_forgets_the_times_of_its_pause(
        self, calendar: Calendar
    ) -> None:
        """It was paused so that nothing would happen, not so that it would happen later."""
        await calendar.at("2026-01-01T08:59:00Z")
        await calendar.keep("0 9 * * *")
        await pause_schedule(calendar.world.schedules, ACME, NAME, reason="move")
        await calendar.at("2026-01-03T09:00:01Z")
        await calendar.fire()
        resting = await calendar.look()

        await resume_schedule(calendar.world.schedules, ACME, NAME)
        await calendar.fire()
        await calendar.at("2026-01-04T09:00:01Z")
        await calendar.fire()

        assert ("move", None) == (resting.pause_reason, resting.next_at)
        assert ["2026-01-04T09:00"] == await calendar.started()

    async def test_gives_up_the_time_that_waited(self, calendar: Calendar) -> None:
        """Else it would start something as soon as what runs has ended."""
        await calendar.at("2026-01-01T08:59:00Z")
        await calendar.keep("0 9 * * *", overlap="buffer_one")
        await calendar.at("2026-01-01T09:00:01Z")
        await calendar.fire()
        await calendar.at("2026-01-02T09:00:01Z")
        await calendar.fire()

        await pause_schedule(calendar.world.schedules, ACME, NAME, reason="")
        await calendar.end_all()
        await calendar.fire()

        assert ["2026-01-01T09:00"] == await calendar.started()

    async def test_is_paused_and_resumed_once(self, calendar: Calendar) -> None:
        """A repeat changes nothing, not even the reason."""
        store = calendar.world.schedules
        await calendar.keep("0 9 * * *")
        first = await pause_schedule(store, ACME, NAME, reason="why")
        again = await pause_schedule(store, ACME, NAME, reason="other")
        resumed = await resume_schedule(store, ACME, NAME)
        resumed_again = await resume_schedule(store, ACME, NAME)

        assert first.schedule == again.schedule
        assert resumed.schedule == resumed_again.schedule

    async def test_can_be_created_so(self, calendar: Calendar) -> None:
        """To be looked at first."""
        await calendar.at("2026-01-01T08:59:00Z")
        await calendar.keep("0 9 * * *", is_paused=True)
        await calendar.at("2026-01-01T09:00:01Z")
        await calendar.fire()

        assert [] == await calendar.started()


class TestAnUpdatedSchedule:
    async def test_goes_by_its_new_times(self, calendar: Calendar) -> None:
        """From now on; the time that the old spec had before is none of the new one's."""
        await calendar.at("2026-01-01T08:59:00Z")
        await calendar.keep("0 9 * * *")
        world = calendar.world
        await calendar.at("2026-01-01T10:00:00Z")
        updated = await update_schedule(
            world.schedules,
            world.definitions,
            ACME,
            NAME,
            at_nine(cron="0 12 * * *"),
            expected_revision=1,
        )
        await calendar.at("2026-01-01T12:00:01Z")
        await calendar.fire()

        assert 2 == updated.schedule.revision
        assert ["2026-01-01T12:00"] == await calendar.started()

    async def test_to_what_it_is_stays_as_it_is(self, calendar: Calendar) -> None:
        """A deployment that says the same every day changes nothing."""
        world = calendar.world
        before = await calendar.keep("0 9 * * *")

        after = await update_schedule(
            world.schedules, world.definitions, ACME, NAME, at_nine(), expected_revision=None
        )

        assert before == after.schedule


class TestADeletedSchedule:
    async def test_starts_nothing_and_leaves_what_it_started(self, calendar: Calendar) -> None:
        """And its successor of the same name has times of its own."""
        await calendar.at("2026-01-01T08:59:00Z")
        await calendar.keep("0 9 * * *")
        await calendar.at("2026-01-01T09:00:01Z")
        await calendar.fire()
        await delete_schedule(calendar.world.schedules, ACME, NAME)
        await calendar.at("2026-01-02T09:00:01Z")
        await calendar.fire()
        between = await calendar.running()

        await calendar.keep("0 9 * * *", overlap="allow")
        await calendar.at("2026-01-03T09:00:01Z")
        await calendar.fire()

        assert ["2026-01-01T09:00"] == between
        assert ["2026-01-01T09:00", "2026-01-03T09:00"] == await calendar.started()


class TestALoopWithNothingToDo:
    async def test_rests_until_the_next_time_or_its_poll(self, calendar: Calendar) -> None:
        """Not longer: what others create is found by polling."""
        await calendar.at("2026-01-01T08:59:59.500Z")
        idle = await calendar.planes[0].fire_due()
        await calendar.keep("0 9 * * *")

        soon = await calendar.planes[0].fire_due()

        assert 1.0 == idle
        assert 0.0 <= soon == pytest.approx(0.25, abs=0.25)
