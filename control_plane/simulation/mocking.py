"""
Which of a mock's outcomes an attempt gets.
"""

from collections.abc import Mapping

from control_plane.simulation.script import Mock, MockedAttempt


class Mocks:
    """The mocks of one run, and how far each has been used up."""

    def __init__(self, mocks: Mapping[str, Mock]) -> None:
        self._mocks = mocks
        self._given: dict[str, int] = {}

    def has(self, name: str) -> bool:
        return name in self._mocks

    def next(self, name: str, place: int, attempt: int) -> MockedAttempt | None:
        """
        How the next attempt of a task goes; None if nobody says. `place` is the task's among
        the items of a `forEach`, 0 for any other; `attempt` counts from 1.
        """
        mock = self._mocks.get(name)
        if mock is None:
            return None
        if mock.each:
            attempts = mock.each[min(place, len(mock.each) - 1)]
            return attempts[min(attempt, len(attempts)) - 1]
        given = self._given.get(name, 0)
        self._given[name] = given + 1
        return mock.attempts[min(given, len(mock.attempts) - 1)]
