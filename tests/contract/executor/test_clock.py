"""What every clock of an executor promises, kept by the one in memory and by the database's."""

from datetime import timedelta

import pytest

from executor.adapters.database_clock import DatabaseClock
from executor.adapters.memory_clock import MemoryClock
from tests.executor.work import NOON


class Moved:
    """A clock, and the hand that moves it."""

    def __init__(self, *, is_database: bool) -> None:
        self._passed = 0.0
        self._memory = MemoryClock(NOON)
        self._database = DatabaseClock(lambda: self._passed)
        self._database.set(NOON)
        self.clock = self._database if is_database else self._memory

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds
        self._memory.advance(timedelta(seconds=seconds))


@pytest.fixture(params=[True, False], ids=["database", "memory"])
def moved(request: pytest.FixtureRequest) -> Moved:
    """One of the two, at noon."""
    return Moved(is_database=request.param)


class TestAClock:
    def test_tells_an_instant_and_goes_on_from_it(self, moved: Moved) -> None:
        """With its zone; two readings are in the order in which they were taken."""
        first = moved.clock.now()
        moved.pass_by(90)

        assert (NOON, timedelta(seconds=90)) == (first, moved.clock.now() - first)
        assert first.tzinfo is not None

    def test_is_not_behind_what_has_come(self, moved: Moved) -> None:
        """A task was handed out because its time had come."""
        moved.clock.has_reached(NOON + timedelta(hours=1))

        assert NOON + timedelta(hours=1) == moved.clock.now()

    def test_does_not_go_back(self, moved: Moved) -> None:
        """What came long ago says nothing new."""
        moved.clock.has_reached(NOON - timedelta(hours=1))

        assert NOON == moved.clock.now()
