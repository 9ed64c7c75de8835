"""
Credits: each task that a control plane assigns uses one up until it has ended. Tasks that
the executor claims itself use none.
"""

from collections.abc import Iterable

from executor.ports.control_plane import Held
from shared.ids import SessionId


class Credits:
    def __init__(self) -> None:
        self._assigned: set[Held] = set()
        self._session_id: SessionId | None = None
        self._freed = 0

    @property
    def in_use(self) -> int:
        return len(self._assigned)

    def begin(self, session_id: SessionId) -> None:
        """A stream begins, and its Hello says how many there are."""
        if session_id != self._session_id:
            self._assigned.clear()
            self._session_id = session_id
        self._freed = 0

    def use(self, assigned: Iterable[Held]) -> None:
        self._assigned.update(assigned)

    def free(self, held: Held) -> None:
        """The task has ended, or is not ours any more."""
        if held in self._assigned:
            self._assigned.discard(held)
            self._freed += 1

    def take_freed(self) -> int:
        """How many to give back with the next message."""
        freed, self._freed = self._freed, 0
        return freed
