"""A tenant's limits in memory, counted as migrations/sql/0002_room_at.sql does."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import inf

from control_plane.adapters.memory.audit_log import note
from control_plane.adapters.memory.database import MemoryDatabase, StoredLimit, hash_of
from control_plane.ports.audit import Noted, Target
from control_plane.ports.instance_store import TaskKey
from control_plane.ports.limit_store import WHOLE_TENANT, LimitInForce, TaskLimit, Woken
from shared.ids import TenantId

WAKE_EVERY = timedelta(milliseconds=50)
"""How often claimers are woken for a rate's tokens at most, as far as it can wait."""


class MemoryLimits:
    """The limits of all tenants in one memory database, which the claims there keep."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self._stored = database.limits

    async def put(
        self, tenant_id: TenantId, limit: TaskLimit, *, at_most: int, noted: Noted | None = None
    ) -> bool:
        others = [key for tenant, key in self._stored if tenant == tenant_id and key != limit.key]
        if len(others) >= at_most:
            return False
        now, burst = self._database.now(), 0.0 if limit.rate is None else float(limit.rate.burst)
        before = self._stored.get((tenant_id, limit.key))
        if before is not None and before.limit.rate is not None:
            tokens = min(burst, self._tokens(before, now))
        else:
            tokens = burst
        self._stored[tenant_id, limit.key] = StoredLimit(
            limit=limit, tokens=tokens, filled_at=now, updated_at=now
        )
        was = None if before is None else hash_of(before.limit)
        note(
            self._database,
            noted,
            tenant_id,
            Target("task_limit", limit.key),
            was,
            hash_of(limit),
        )
        return True

    async def remove(self, tenant_id: TenantId, key: str, *, noted: Noted | None = None) -> bool:
        gone = self._stored.pop((tenant_id, key), None)
        was = None if gone is None else hash_of(gone.limit)
        note(self._database, noted, tenant_id, Target("task_limit", key), was, None)
        return gone is not None

    async def of_tenant(self, tenant_id: TenantId) -> Sequence[LimitInForce]:
        return [
            LimitInForce(
                limit=stored.limit,
                running=self._running(tenant_id, key),
                updated_at=stored.updated_at,
                tokens=None
                if stored.limit.rate is None
                else self._tokens(stored, self._database.now()),
            )
            for (tenant, key), stored in sorted(self._stored.items())
            if tenant == tenant_id
        ]

    async def waiting(self) -> Mapping[TenantId, frozenset[str]]:
        found: dict[TenantId, frozenset[str]] = {}
        for (tenant_id, _), stored in self._stored.items():
            found[tenant_id] = found.get(tenant_id, frozenset()) | stored.queues
        return found

    async def woken(self) -> Woken:
        now = self._database.now()
        waits = [one for one in self._stored.values() if one.wake_at is not None]
        over = [one for one in waits if one.wake_at is not None and one.wake_at <= now]
        for one in over:
            one.wake_at = None
        next_at = min((one.wake_at for one in waits if one.wake_at is not None), default=None)
        return Woken(frozenset(queue for one in over for queue in one.queues), now, next_at)

    async def forget(self) -> None:
        """Nothing is left of a limit that was lifted."""

    # --- what claims ask ----------------------------------------------------------------

    def room(self, tenant_id: TenantId, key: str | None) -> float:
        """How many more tasks a limit lets begin now; none while the tenant is suspended."""
        if self._database.is_suspended(tenant_id):
            return 0
        stored = None if key is None else self._stored.get((tenant_id, key))
        if stored is None or key is None:
            return inf
        room = inf
        if stored.limit.max_running is not None:
            room = stored.limit.max_running - self._running(tenant_id, key)
        if stored.limit.rate is not None:
            room = min(room, int(self._tokens(stored, self._database.now())))
        return room

    def spend(self, tenant_id: TenantId, key: str | None) -> None:
        """A task begins that counts against the tenant's limit, and against its key's."""
        now = self._database.now()
        for name in {WHOLE_TENANT, key} - {None}:
            stored = self._stored.get((tenant_id, str(name)))
            if stored is not None and stored.limit.rate is not None:
                stored.tokens = self._tokens(stored, now) - 1
                stored.filled_at = max(stored.filled_at, now)

    def held_back(self, tenant_id: TenantId, key: str | None, queue: str) -> None:
        """A task of that queue waits for room."""
        for name in {WHOLE_TENANT, key} - {None}:
            stored = self._stored.get((tenant_id, str(name)))
            if stored is None or self.room(tenant_id, str(name)) >= 1:
                continue
            stored.queues.add(queue)
            rate, now = stored.limit.rate, self._database.now()
            if rate is not None and stored.wake_at is None and self._tokens(stored, now) < 1:
                missing = timedelta(seconds=(1 - self._tokens(stored, now)) / rate.per_second)
                full = timedelta(seconds=rate.burst / rate.per_second)
                stored.wake_at = now + max(missing, min(WAKE_EVERY, full))

    def _running(self, tenant_id: TenantId, key: str) -> int:
        return sum(
            held.tenant_id == tenant_id and key in {WHOLE_TENANT, self._key_of(held)}
            for held in self._database.leases
        )

    def _key_of(self, task: TaskKey) -> str | None:
        return self._database.tasks[task].limit_key

    @staticmethod
    def _tokens(stored: StoredLimit, now: datetime) -> float:
        assert stored.limit.rate is not None
        since = max(0.0, (now - stored.filled_at).total_seconds())
        return min(stored.limit.rate.burst, stored.tokens + since * stored.limit.rate.per_second)
