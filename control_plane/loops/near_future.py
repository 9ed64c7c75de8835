"""The timers of the next seconds, in memory and in order of their instants."""

import heapq
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TypeAlias

from control_plane.ports.due import DueTimer
from control_plane.ports.records import InstanceKey

TimerKey: TypeAlias = tuple[InstanceKey, str]


class NearFuture:
    """
    A copy of part of a table that others write too: what it holds may be gone or changed, and
    what falls due before `horizon` may be missing until it is looked up again.
    """

    def __init__(self) -> None:
        self.horizon: datetime | None = None
        """Timers due later are none of this one's business yet."""
        self._due: dict[TimerKey, datetime] = {}
        # Also holds what `_due` has forgotten, or knows by another instant: skipped when met.
        self._heap: list[tuple[datetime, TimerKey]] = []

    def __len__(self) -> int:
        return len(self._due)

    @property
    def next_due(self) -> datetime | None:
        """When the earliest falls due."""
        self._drop_the_forgotten()
        return self._heap[0][0] if self._heap else None

    def look_up(
        self, found: Sequence[DueTimer], horizon: datetime, *, but_for: AbstractSet[TimerKey]
    ) -> None:
        """This is what the table has until `horizon`; some of it is being seen to already."""
        self.horizon = horizon
        for timer in found:
            key = key_of(timer)
            if key not in but_for:
                self._add(key, timer.due)

    def arm(self, key: InstanceKey, timer_id: str, due: datetime) -> bool:
        """A timer was armed, maybe once more; tells whether it falls due within the horizon."""
        if self.horizon is None or due > self.horizon:
            self._due.pop((key, timer_id), None)
            return False
        self._add((key, timer_id), due)
        return True

    def disarm(self, key: InstanceKey, timer_ids: Iterable[str]) -> None:
        for timer_id in timer_ids:
            self._due.pop((key, timer_id), None)

    def take_due(self, now: datetime, limit: int) -> list[DueTimer]:
        """Up to `limit` that are due by now, earliest first; they are somebody else's from here."""
        taken: list[DueTimer] = []
        while len(taken) < limit:
            self._drop_the_forgotten()
            if not self._heap or self._heap[0][0] > now:
                break
            due, key = heapq.heappop(self._heap)
            del self._due[key]
            taken.append(DueTimer(*key[0], key[1], due))
        return taken

    def due_until(self, instant: datetime, limit: int) -> list[DueTimer]:
        """What falls due by then, up to `limit` in any order, one of an instance; it all stays."""
        found: dict[InstanceKey, DueTimer] = {}
        for due, key in self._heap:
            if due <= instant and self._due.get(key) == due:
                found[key[0]] = DueTimer(*key[0], key[1], due)
                if len(found) == limit:
                    break
        return list(found.values())

    def _add(self, key: TimerKey, due: datetime) -> None:
        if self._due.get(key) != due:
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))

    def _drop_the_forgotten(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)


def key_of(timer: DueTimer) -> TimerKey:
    return InstanceKey(timer.tenant_id, timer.instance_id), timer.timer_id
