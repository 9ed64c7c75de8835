"""
What an examination of a database looks at: slices of instances with their past, and what is
wrong with their rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple, Protocol
from uuid import UUID

from control_plane.ports.records import HistoryEntry, Instance, TaskStatus
from shared.ids import InstanceId, TenantId

INVARIANTS: Mapping[str, str] = MappingProxyType(
    {
        "I3": "a task is in one place, under one lease, and its epoch only grows",
        "I4": "a task ends once, and its history says so once",
        "I5": "what has ended stays as it ended",
        "I6": "a task is created, tried and ended, in that order",
        "I7": "attempts and hand-outs stay within their bounds",
        "I8": "a task whose holder is gone can be claimed again",
        "I9": "something can move every live instance",
        "I10": "an instance's history is numbered from 1, without a gap",
        "I11": "the history's hash chain is unbroken",
        "I12": "an instance is what its history leads to",
        "I13": "an instance and its rows were written together",
        "I15": "an instance has its definition, unchanged",
        "I17": "an accepted event is applied, or turned away in writing",
        "I21": "a business key has one live instance",
        "I22": "a task's idempotency key is its own",
        "I24": "a timer that is due fires, and one that is not wanted is gone",
        "I25": "a schedule starts what is due",
    }
)
"""What is looked for in tenants' data, by the names that findings have."""

_BUG = (
    "keep the database as it is, and report it with the instance's export: foliot wrote what it"
    " must not, or somebody else wrote to its tables"
)
_LOOPS = (
    "see that a control plane runs and what its log says of loops (loop.failed); run the doctor"
    " again a minute later"
)

REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(INVARIANTS, _BUG),
        "I8": _LOOPS,
        "I9": f"{_LOOPS}; an instance that stays so can be retried or terminated",
        "I15": "restore the definition's row from a backup; its instances cannot go on without it",
        "I17": _LOOPS,
        "I24": _LOOPS,
        "I25": _LOOPS,
        "durability": "set fsync and synchronous_commit on in PostgreSQL, and restart it",
        "clock": "let NTP set the clocks of both machines; set foliot.clock.moved_by to 0",
        "partitions": "see what the control planes' logs say of housekeeping, and that nothing"
        " locks foliot.history; rows of a month without a partition go to the default one",
        "executors": "start an executor, or resume what is paused; its log says why it does not"
        " claim",
    }
)
"""What to do about a finding, by its name."""

DATABASE_CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "durability": "a commit that was acknowledged survives a crash",
        "clock": "the database's clock and this server's agree, and are not moved",
        "partitions": "histories of this month and the next have a partition",
        "executors": "somebody is there to carry out what has been ready for long",
    }
)
"""What is looked at in a database as a whole, by the names that findings have."""

FIRST = InstanceId(UUID(int=0))
LAST = InstanceId(UUID(int=2**128 - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that must not be. `instance_id` and `ordinal` where it is about one."""

    invariant: str
    tenant_id: TenantId
    instance_id: InstanceId | None
    ordinal: int | None
    message: str


class Slice(NamedTuple):
    """A tenant's instances, and rows of instances, from after `after` up to `until`."""

    tenant_id: TenantId
    after: InstanceId
    until: InstanceId
    instances: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """
    An instance, and all that was written of it, as of one instant.

    `entries` is None where the history is too long to be held in memory at once.
    """

    instance: Instance
    entries: Sequence[HistoryEntry] | None
    tasks: Mapping[int, TaskStatus]
    timers: Mapping[str, datetime]
    inbox: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    findings: Sequence[Finding]
    pasts: Sequence[Past]


class Doctor(Protocol):
    async def look(self, check: str, now: datetime, patience: timedelta) -> Sequence[str]:
        """
        What one of DATABASE_CHECKS finds, in words. `now` is what the caller's clock says.
        """

    async def tenants(self) -> Sequence[TenantId]:
        """Every tenant, in order."""

    async def next_slice(self, tenant_id: TenantId, after: InstanceId) -> Slice:
        """The slice that follows; the last one reaches up to LAST."""

    async def examine(self, slice_: Slice, patience: timedelta) -> Examined:
        """
        What is wrong with the rows of a slice, as of one instant.

        What is overdue, or left over, for less than `patience` is no finding yet.
        """

    async def strays(self, tenant_id: TenantId, patience: timedelta) -> Sequence[Finding]:
        """What is wrong with claimable tasks and schedules, which are not kept by instance."""
