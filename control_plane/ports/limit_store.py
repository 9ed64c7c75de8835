"""How many of a tenant's tasks may run at once, and how many may begin in a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from control_plane.ports.audit import Noted
from shared.ids import TenantId

WHOLE_TENANT = ""
"""The key of the limit that all tasks of a tenant count against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`per_second` attempts begin in the long run, and up to `burst` at once after a rest."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLimit:
    """A limit of a tenant: on all of its tasks, or on those with a limit key. None is no limit."""

    key: str = WHOLE_TENANT
    max_running: int | None = None
    rate: Rate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitInForce:
    """A limit, and how many leases count against it now."""

    limit: TaskLimit
    running: int
    updated_at: datetime
    tokens: float | None = None
    """How many attempts its rate lets begin now; None without a rate."""

    @property
    def is_full(self) -> bool:
        """Whether it lets nothing begin now."""
        most = self.limit.max_running
        is_running = most is not None and self.running >= most
        return is_running or (self.tokens is not None and self.tokens < 1)


class Woken(NamedTuple):
    """Queues whose executors may find room again, and when some next will. None: not known."""

    queues: frozenset[str]
    now: datetime
    next_at: datetime | None


class LimitStore(Protocol):
    async def put(
        self, tenant_id: TenantId, limit: TaskLimit, *, at_most: int, noted: Noted | None = None
    ) -> bool:
        """
        Set a limit, which holds for all that is claimed from now on; what runs goes on, and
        counts. A bucket that is new is full. False if the tenant has `at_most` others already.
        """

    async def remove(self, tenant_id: TenantId, key: str, *, noted: Noted | None = None) -> bool:
        """Lift a limit: what it held back can be claimed. False if there is none."""

    async def of_tenant(self, tenant_id: TenantId) -> Sequence[LimitInForce]:
        """The tenant's limits, by key."""

    async def waiting(self) -> Mapping[TenantId, frozenset[str]]:
        """Tenants that have limits, each with the queues in which these have held tasks back."""

    async def woken(self) -> Woken:
        """What has waited for a rate's tokens and may go on now. Told once for each wait."""

    async def forget(self) -> None:
        """Drop what lifted limits left behind."""
