"""The database's clock as a plane knows it: never ahead, as nothing may happen early."""

from datetime import UTC, datetime, timedelta

from control_plane.loops.database_clock import SAMPLES, DatabaseClock, DatabaseTime

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class TestTheDatabasesClock:
    def test_runs_on_between_two_answers(self) -> None:
        """Nobody asks the time at an instant."""
        clock = DatabaseClock()
        clock.observe(NOON, 100.0)

        assert NOON + 7.5 * SECOND == clock.at(107.5)

    def test_goes_by_the_answer_that_came_quickest(self) -> None:
        """One that took three seconds to come is three seconds behind."""
        clock = DatabaseClock()
        clock.observe(NOON, 100.0)
        clock.observe(NOON + SECOND, 104.0)

        assert NOON + 5 * SECOND == clock.at(105.0)

    def test_follows_a_clock_that_is_moved_on_at_once(self) -> None:
        """As tests do, and administrators."""
        clock = DatabaseClock()
        clock.observe(NOON, 100.0)
        clock.observe(NOON + timedelta(days=1), 101.0)

        assert NOON + timedelta(days=1) == clock.at(101.0)

    def test_follows_a_clock_that_is_set_back_after_some_answers(self) -> None:
        """If nobody noticed before that something was asked early."""
        clock = DatabaseClock()
        clock.observe(NOON, 100.0)
        for answer in range(SAMPLES):
            clock.observe(NOON - 60 * SECOND, 100.0 + answer)

        assert NOON - 60 * SECOND == clock.at(100.0)

    def test_is_unknown_before_the_first_answer_and_once_it_is_forgotten(self) -> None:
        """What was observed of a clock that was set back is worth nothing."""
        clock = DatabaseClock()
        before = clock.is_known
        clock.observe(NOON, 100.0)
        known = clock.is_known
        clock.forget()

        assert (False, True, False) == (before, known, clock.is_known)


class Wrong:
    """This machine's clock: two hours ahead."""

    def now(self) -> datetime:
        return NOON + timedelta(hours=2)


class TestTheTimeThatCredentialsAreJudgedBy:
    def test_is_the_databases_whatever_this_machines_clock_says(self) -> None:
        """A callback's token is signed by an executor's reading of it, good for an hour maybe."""
        clock = DatabaseClock()
        time = DatabaseTime(clock, Wrong(), lambda: 103.0)
        before = time.now()
        clock.observe(NOON, 100.0)

        known = time.now()
        clock.forget()

        assert (Wrong().now(), NOON + 3 * SECOND) == (before, known)
        assert NOON + 3 * SECOND == time.now()
