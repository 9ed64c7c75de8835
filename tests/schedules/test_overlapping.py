"""What a schedule does when its time has come and an instance of it still runs."""

import pytest

from control_plane.ports.records import CLOSED_INSTANCE
from control_plane.ports.schedule_store import Overlap
from tests.schedules.calendar import NAME, Calendar


async def three_days(calendar: Calendar, overlap: Overlap) -> None:
    """Three times, and nothing ends by itself in between."""
    await calendar.at("2026-01-01T08:59:00Z")
    await calendar.keep("0 9 * * *", overlap=overlap)
    for day in (1, 2, 3):
        await calendar.at(f"2026-01-0{day}T09:00:01Z")
        await calendar.fire()


class TestSkipping:
    async def test_starts_nothing_beside_what_runs(self, calendar: Calendar) -> None:
        """And counts what it left out; once nothing runs, the next time counts again."""
        await three_days(calendar, "skip")
        skipped = (await calendar.look()).skips
        await calendar.end_all()
        await calendar.at("2026-01-04T09:00:01Z")
        await calendar.fire()

        assert 2 == skipped
        assert ["2026-01-01T09:00", "2026-01-04T09:00"] == await calendar.started()


class TestBufferingOne:
    async def test_starts_the_first_that_waited_when_nothing_runs_any_more(
        self, calendar: Calendar
    ) -> None:
        """One waits, the others are left out; it starts for the time that it waited since."""
        await three_days(calendar, "buffer_one")
        waiting = await calendar.look()
        await calendar.fire()
        before = await calendar.started()

        await calendar.end_all()
        await calendar.fire()

        assert ["2026-01-01T09:00"] == before
        assert (1, 2) == (waiting.skips, waiting.buffered_at and waiting.buffered_at.day)
        assert ["2026-01-01T09:00", "2026-01-02T09:00"] == await calendar.started()
        assert (await calendar.look()).buffered_at is None

    async def test_by_two_control_planes_at_once_starts_one(self, calendar: Calendar) -> None:
        """Both find that nothing runs any more."""
        await three_days(calendar, "buffer_one")
        await calendar.end_all()

        await calendar.fire(0)
        await calendar.fire(1)

        assert 2 == len(await calendar.started())


class TestAllowing:
    async def test_starts_one_beside_the_other(self, calendar: Calendar) -> None:
        """As many as there are times."""
        await three_days(calendar, "allow")

        assert ["2026-01-01T09:00", "2026-01-02T09:00", "2026-01-03T09:00"] == (
            await calendar.running()
        )


class TestStoppingTheOthers:
    @pytest.mark.parametrize("overlap", ["cancel_other", "terminate_other"])
    async def test_leaves_the_newest_alone_to_run(
        self, calendar: Calendar, overlap: Overlap
    ) -> None:
        """Each takes the place of the one before."""
        await three_days(calendar, overlap)

        assert ["2026-01-03T09:00"] == await calendar.running()
        assert ["cancelled", "cancelled", "waiting"] == [
            one.status for one in await calendar.instances()
        ]

    @pytest.mark.parametrize(
        ("overlap", "ended"), [("cancel_other", "running"), ("terminate_other", "cancelled")]
    )
    async def test_lets_cancelled_ones_tidy_up_and_terminated_ones_not(
        self, calendar: Calendar, overlap: Overlap, ended: str
    ) -> None:
        """Cancelling is orderly, and the next one does not wait for it."""
        await calendar.define(
            {
                "context": {"for": {"@expr": "event.input.schedule.time"}},
                "onCancel": "compensate",
                "initial": "booking",
                "states": {
                    "booking": {
                        "invoke": {
                            "id": "book",
                            "src": "human",
                            "compensation": {"name": "unbook", "src": "human"},
                            "onDone": "booked",
                        }
                    },
                    "booked": {},
                },
            }
        )
        await calendar.at("2026-01-01T08:59:00Z")
        await calendar.keep("0 9 * * *", overlap=overlap)
        await calendar.at("2026-01-01T09:00:01Z")
        await calendar.fire()
        await calendar.complete_task()
        await calendar.at("2026-01-02T09:00:01Z")
        await calendar.fire()

        first, second = await calendar.instances()
        assert (ended, False) == (first.status, second.is_closed)
        assert (first.status in CLOSED_INSTANCE) == (overlap == "terminate_other")
        assert second.instance_id == (await calendar.look(NAME)).last_instance_id
