"""What waits in each queue, and which queues stand still."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from control_plane.ports.audit import Noted
from shared.ids import TenantId
from shared.tasks import TaskType


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedQueue:
    """A queue of which nothing is claimed, and who wanted that, and why."""

    queue: str
    reason: str
    paused_by: str
    paused_at: datetime


@dataclass(frozen=True, slots=True)
class Depth:
    """How many there are. With `at_least` counting ended before they did."""

    count: int
    at_least: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """
    What waits in a queue of one type of task, and what executors have of it.

    `oldest_at` is the instant since which the oldest one is ready, None if none is. If `ready`
    is only a floor, there may be an older one than that.
    """

    queue: str
    type: TaskType
    ready: Depth
    delayed: Depth
    leased: Depth
    oldest_at: datetime | None


class Stats(NamedTuple):
    """The lanes by queue and type, as of `now`; `more` if there are others."""

    lanes: Sequence[Lane]
    more: bool
    now: datetime


class QueueStore(Protocol):
    async def stats(
        self, tenant_id: TenantId | None, queue: str | None, *, lanes: int, at_most: int
    ) -> Stats:
        """
        What there is in each queue and type of task, of one tenant or (None) of all; in one
        queue, or (None) in as many as there are, up to `lanes` lanes.

        No more than `at_most` tasks of a lane are counted, nor of all those that are delayed or
        leased: a count costs no more in a large backlog than in a small one.
        """

    async def pause(
        self,
        queue: str,
        reason: str,
        paused_by: str,
        *,
        at_most: int,
        noted: Noted | None = None,
    ) -> PausedQueue | None:
        """
        From now on nothing of the queue is claimed. One that is paused stays as it was. None if
        `at_most` others are paused.
        """

    async def resume(self, queue: str, *, noted: Noted | None = None) -> bool:
        """What waits can be claimed again. False if the queue was not paused."""

    async def paused(self) -> Sequence[PausedQueue]:
        """All that are paused, by name."""
