"""What is due by the database's clock, and nobody has asked about."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from control_plane.ports.records import InstanceKey
from shared.ids import InstanceId, TenantId

NO_TIME = timedelta(0)

SHORTEST_MEMORY = timedelta(days=1)
"""For so long at least a repeat gets the first answer."""

LOOK = 5_000
"""Rows of the inbox that are looked at in one go: no instance has as many."""


class DueTimer(NamedTuple):
    tenant_id: TenantId
    instance_id: InstanceId
    timer_id: str
    due: datetime


class DueTimers(NamedTuple):
    """What falls due until some instant, earliest first, and the database's now."""

    now: datetime
    timers: Sequence[DueTimer]


class ExpiredLease(NamedTuple):
    tenant_id: TenantId
    instance_id: InstanceId
    ordinal: int
    epoch: int


class DueQueue(NamedTuple):
    """A queue in which delayed tasks have become claimable, and how many of them."""

    queue: str
    tasks: int


class Ahead(NamedTuple):
    """The database's now, and when the next delayed task can be claimed, if there is any."""

    now: datetime
    next_due: datetime | None


class Due(Protocol):
    async def timers(self, limit: int, *, within: timedelta = NO_TIME) -> DueTimers:
        """
        Timers whose instant has come, or comes within so long, earliest first. They stay until
        they are disarmed. Those of a tenant that is suspended wait until it is resumed.
        """

    async def ahead(self) -> Ahead:
        """When the next delayed task can be claimed."""

    async def release_delayed(self, limit: int) -> Sequence[DueQueue]:
        """Make delayed tasks whose instant has come ready; tells in which queues."""

    async def expired_leases(self, limit: int) -> Sequence[ExpiredLease]:
        """Leases of sessions that have expired or are gone."""

    async def silent_leases(self, limit: int) -> Sequence[ExpiredLease]:
        """Leases whose attempts have been silent for too long, of open tasks."""

    async def untried_inbox(self, limit: int, *, look: int = LOOK) -> Sequence[InstanceKey]:
        """
        Instances with accepted events that no control plane has tried to apply, of the `look`
        oldest rows of the inbox that nobody has: what waits behind them costs nothing.
        """

    async def forget_answers(self, keep: timedelta, at_once: int) -> int:
        """
        Forget what requests were answered longer ago, and what SQL callers asked: up to so many
        of each, the oldest first. Tells how many there were of the one of which there were most.
        Nothing younger than a day is forgotten. Ids of events are kept with their instance.
        """

    async def sweep(self) -> None:
        """Forget sessions long expired, and make next months' history partitions."""
