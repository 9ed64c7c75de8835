"""
How many instances and tasks each tenant has open, as far as this replica needs to know.

No start counts anything in the database, and there is no row that all starts of a tenant meet
at. A tenant that starts something here is counted once, and from then on this replica adds what
it admits and what its commits change. It counts again when it has admitted a sixteenth of the
room that was left, when the count is old, and before it refuses: so a tenant is refused for what
is there, and what others have ended is found at the latest then.

What is not known here is what other replicas have admitted since the last count. Up to
`REPLICAS` of them come to the limit together, and go beyond it by no more than each of them
admits in `COUNT_EVERY_S` (longer where much is counted, see `ROW_COSTS_S`). A tenant that
has not been counted yet, because it is new here, is not held up for it.

An idle tenant costs nothing. A tenant that is far from its limits is counted every ten minutes
while it starts instances, for 27 µs and a microsecond for each open instance and task: 100,000
small ones take less than a hundredth of a core of the database's.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from control_plane.loops.pace import repeat
from control_plane.ports.instance_store import Change
from control_plane.ports.quotas import Bounds, Counted, QuotaKind, QuotaStore
from control_plane.ports.records import CLOSED_TASK
from control_plane.use_cases.quotas import Quotas, exceeded
from shared.ids import TenantId

REPLICAS = 16
"""Which part of the room left one replica may fill before it counts again."""

COUNT_EVERY_S = 0.25
"""How often a tenant is counted at most."""

ROW_COSTS_S = 1e-6
COUNTING_SHARE = 0.05
"""Counting a tenant takes about so long for each row, and no more of the time than this share."""

OLD_AFTER_S = 60.0
OLD_IF_FAR_AFTER_S = 600.0
FAR = 0.1
"""A tenant that uses less than this part of its quotas is counted more rarely."""

COUNT_WITHIN_S = 1.0
"""How long a start that would be refused waits for a count that may say else."""

MAX_TALLIES = 100_000
"""Tenants; the one that started something longest ago is forgotten, and counted anew."""

MAX_AT_ONCE = 500
"""Tenants that one statement counts."""

IDLE_S = 60.0


@dataclass(slots=True, eq=False)
class _Tally:
    counted: Counted | None = None
    counted_at: float = 0.0
    born: int = 0
    """Instances that commits of this replica have opened, less those they have closed."""

    grown: int = 0
    """As that, of tasks."""

    under_way: int = 0
    """Starts that were admitted and not answered yet."""

    admitted: int = 0
    """Starts since the last count."""

    count_again_at: int = 0
    """How many of them are enough to count again."""

    waiting: list[asyncio.Future[None]] = field(default_factory=list)


class Tallies:
    def __init__(
        self,
        store: QuotaStore,
        quotas: Quotas,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        max_tallies: int = MAX_TALLIES,
    ) -> None:
        self._store = store
        self._quotas = quotas
        self._monotonic = monotonic
        self._max_tallies = max_tallies
        self._tallies: OrderedDict[TenantId, _Tally] = OrderedDict()
        self._wanted: dict[TenantId, None] = {}
        self._bell = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("tallies", stop, self._count, wake=self._bell)

    # --- what starts do ----------------------------------------------------------------

    async def admit(self, tenant_id: TenantId) -> None:
        """A start is under way until `done`. Raises QuotaExceeded where there is no room."""
        tally = self._tally(tenant_id)
        # Under way before anything is waited for, so that starts at once see one another.
        tally.under_way += 1
        try:
            await self._find_room(tenant_id, tally)
        except BaseException:
            tally.under_way -= 1
            raise
        tally.admitted += 1

    def done(self, tenant_id: TenantId) -> None:
        """What was admitted has been answered, whatever by."""
        tally = self._tallies.get(tenant_id)
        if tally is not None and tally.under_way:
            tally.under_way -= 1

    def committed(self, kept: Sequence[Change]) -> None:
        """These changes have been kept. One that opens an ended instance again goes uncounted."""
        if not self._tallies:
            return
        for change in kept:
            after = change.after
            tally = self._tallies.get(after.tenant_id)
            if tally is None:
                continue
            if not change.expected_revision:
                tally.born += 1
            if after.completed_at is not None and after.completed_at == after.updated_at:
                tally.born -= 1
            tally.grown += len(change.new_tasks)
            for update in change.updated_tasks:
                if update.status in CLOSED_TASK:
                    tally.grown -= 1

    # --- what is known -----------------------------------------------------------------

    def _tally(self, tenant_id: TenantId) -> _Tally:
        tally = self._tallies.get(tenant_id)
        if tally is None:
            if len(self._tallies) >= self._max_tallies:
                self._tallies.popitem(last=False)
            tally = self._tallies[tenant_id] = _Tally()
        else:
            self._tallies.move_to_end(tenant_id)
        return tally

    def _rooms(self, tenant_id: TenantId, tally: _Tally) -> tuple[int, int]:
        """How many instances, and how many tasks, there is room for beside what is under way."""
        instances, tasks = tally.counted or (0, 0)
        limit = self._quotas.limit
        return (
            limit(tenant_id, QuotaKind.OPEN_INSTANCES) - instances - tally.born - tally.under_way,
            limit(tenant_id, QuotaKind.OPEN_TASKS) - tasks - tally.grown,
        )

    async def _find_room(self, tenant_id: TenantId, tally: _Tally) -> None:
        now = self._monotonic()
        if self._is_stale(tenant_id, tally, now):
            self._want(tenant_id)
        if self._full(tenant_id, tally) is None:
            return
        await self._counted_again(tenant_id, tally, now)
        full = self._full(tenant_id, tally)
        if full is not None:
            limit = self._quotas.limit(tenant_id, full)
            retry_in = timedelta(seconds=_interval_s(tally))
            raise exceeded(tenant_id, full, limit, retry_in=retry_in)

    def _full(self, tenant_id: TenantId, tally: _Tally) -> QuotaKind | None:
        """The quota that has no room for a start that is under way already."""
        instances, tasks = self._rooms(tenant_id, tally)
        if instances < 0:
            return QuotaKind.OPEN_INSTANCES
        return QuotaKind.OPEN_TASKS if tasks <= 0 else None

    def _is_stale(self, tenant_id: TenantId, tally: _Tally, now: float) -> bool:
        if tally.counted is None:
            return True
        age = now - tally.counted_at
        if age < _interval_s(tally):
            return False
        if tally.admitted >= tally.count_again_at or age >= OLD_IF_FAR_AFTER_S:
            return True
        return age >= OLD_AFTER_S and not self._is_far(tenant_id, tally.counted)

    def _is_far(self, tenant_id: TenantId, counted: Counted) -> bool:
        limit = self._quotas.limit
        return (
            counted.instances < limit(tenant_id, QuotaKind.OPEN_INSTANCES) * FAR
            and counted.tasks < limit(tenant_id, QuotaKind.OPEN_TASKS) * FAR
        )

    # --- counting ----------------------------------------------------------------------

    def _want(self, tenant_id: TenantId) -> None:
        self._wanted[tenant_id] = None
        self._bell.set()

    async def _counted_again(self, tenant_id: TenantId, tally: _Tally, now: float) -> None:
        """Wait for a count, if there may be one already, and not for longer than it should take."""
        if tally.counted is not None and now - tally.counted_at < _interval_s(tally):
            return
        counted = asyncio.get_running_loop().create_future()
        tally.waiting.append(counted)
        self._want(tenant_id)
        await asyncio.wait([counted], timeout=COUNT_WITHIN_S)

    async def _count(self) -> float:
        if not self._wanted:
            return IDLE_S
        tenants = [one for one in list(self._wanted)[:MAX_AT_ONCE] if one in self._tallies]
        for tenant_id in list(self._wanted)[:MAX_AT_ONCE]:
            del self._wanted[tenant_id]
        before = {one: self._tallies[one] for one in tenants}
        changes = {one: (tally.born, tally.grown) for one, tally in before.items()}
        limit = self._quotas.limit
        try:
            found = await self._store.count_open(
                {
                    one: Bounds(
                        instances=limit(one, QuotaKind.OPEN_INSTANCES) + 1,
                        tasks=limit(one, QuotaKind.OPEN_TASKS) + 1,
                    )
                    for one in tenants
                }
            )
        except BaseException:
            self._wanted = {**dict.fromkeys(tenants), **self._wanted}
            raise
        now = self._monotonic()
        for tenant_id, counted in found.items():
            tally = before[tenant_id]
            born, grown = changes[tenant_id]
            tally.counted, tally.counted_at = counted, now
            tally.born, tally.grown = tally.born - born, tally.grown - grown
            tally.admitted = 0
            tally.count_again_at = max(1, min(self._rooms(tenant_id, tally)) // REPLICAS)
            for waiting in tally.waiting:
                if not waiting.done():
                    waiting.set_result(None)
            tally.waiting.clear()
        return 0.0 if self._wanted else IDLE_S


def _interval_s(tally: _Tally) -> float:
    """How long to leave a tenant in peace between two counts."""
    rows = 0 if tally.counted is None else sum(tally.counted)
    return max(COUNT_EVERY_S, rows * ROW_COSTS_S / COUNTING_SHARE)
