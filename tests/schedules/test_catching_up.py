"""After a downtime: what is not too old is started, in order, and not without end."""

from datetime import timedelta

from control_plane.use_cases.schedule_moves import MAX_CATCH_UP
from tests.schedules.calendar import Calendar


class TestTimesThatWereMissed:
    async def test_are_caught_up_with_in_order_if_they_are_not_too_old(
        self, calendar: Calendar
    ) -> None:
        """Of an outage of five hours, the last three."""
        await calendar.at("2026-01-01T00:30:00Z")
        await calendar.keep("0 * * * *", overlap="allow", catch_up=timedelta(hours=3))
        await calendar.at("2026-01-01T05:30:00Z")
        await calendar.fire()

        schedule = await calendar.look()
        by_start = sorted(await calendar.instances(), key=lambda one: one.started_at)
        assert ["2026-01-01T03:00", "2026-01-01T04:00", "2026-01-01T05:00"] == (
            await calendar.started()
        )
        assert [one.instance_id for one in by_start] == [
            one.instance_id for one in await calendar.instances()
        ]
        assert schedule.last_missed_at is not None
        assert (1, 3) == (schedule.last_missed_at.hour, schedule.starts)

    async def test_are_given_up_if_they_are_all_too_old(self, calendar: Calendar) -> None:
        """The next one is the one to come."""
        await calendar.at("2026-01-01T00:30:00Z")
        await calendar.keep("0 * * * *", catch_up=timedelta(minutes=10))
        await calendar.at("2026-01-01T05:30:00Z")
        await calendar.fire()
        nothing = await calendar.started()
        await calendar.at("2026-01-01T06:00:01Z")
        await calendar.fire()

        assert ([], ["2026-01-01T06:00"]) == (nothing, await calendar.started())

    async def test_are_started_as_the_overlap_policy_lets_them(self, calendar: Calendar) -> None:
        """Ten nights at once are not what a schedule that skips is for."""
        await calendar.at("2026-01-01T00:30:00Z")
        await calendar.keep("0 0 * * *", catch_up=timedelta(days=31))
        await calendar.at("2026-01-11T00:00:01Z")
        await calendar.fire()

        assert ["2026-01-02T00:00"] == await calendar.started()
        assert 9 == (await calendar.look()).skips

    async def test_are_no_more_than_the_newest_hundred(self, calendar: Calendar) -> None:
        """A minutely schedule after a weekend does not bury the system that came back."""
        await calendar.at("2026-01-01T00:00:30Z")
        await calendar.keep("* * * * *", overlap="skip", catch_up=timedelta(days=31))
        await calendar.at("2026-01-03T00:00:30Z")
        await calendar.fire()

        schedule = await calendar.look()
        assert MAX_CATCH_UP == schedule.starts + schedule.skips
        assert ["2026-01-02T22:21"] == await calendar.started()

    async def test_are_not_missed_for_their_jitter(self, calendar: Calendar) -> None:
        """A time that may come an hour late is not too old before that."""
        await calendar.at("2026-01-01T08:59:00Z")
        schedule = await calendar.keep(
            "0 9 * * *", jitter=timedelta(hours=1), catch_up=timedelta(seconds=10)
        )
        assert schedule.due_at is not None
        await calendar.world.move_clock(schedule.due_at - await calendar.world.now())
        await calendar.fire()

        assert ["2026-01-01T09:00"] == await calendar.started()
