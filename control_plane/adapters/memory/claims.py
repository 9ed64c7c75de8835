"""Claiming from memory, as fairly as migrations/sql/0002_claim.sql does."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil

from control_plane.adapters.memory.database import WITHHELD, MemoryDatabase, Session, silent_at
from control_plane.adapters.memory.limits import MemoryLimits
from control_plane.ports.claims import Beat, HeldTask, SessionExpired
from control_plane.ports.instance_store import Requeued, TaskKey
from control_plane.ports.limit_store import WHOLE_TENANT
from control_plane.ports.records import InstanceKey, Lease
from shared.ids import SessionId, TenantId
from shared.json import load
from shared.tasks import HEAD_START, ClaimedTask, TaskType

RELEASE_AT_ONCE = 1_000
"""Delayed tasks that one claim makes ready at most."""


class MemoryClaims:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self._limits = MemoryLimits(database)

    async def extend(
        self, session_id: SessionId, name: str, tenant_id: TenantId | None, ttl: timedelta
    ) -> datetime:
        now = self._database.now()
        known = self._database.sessions.get(session_id)
        if known is None:
            session = Session(name=name, tenant_id=tenant_id, opened_at=now, expires_at=now + ttl)
        else:
            session = Session(
                name=known.name,
                tenant_id=known.tenant_id,
                opened_at=known.opened_at,
                expires_at=max(known.expires_at, now + ttl),
            )
        self._database.sessions[session_id] = session
        return session.expires_at

    async def claim(
        self,
        session_id: SessionId,
        *,
        queues: Sequence[str],
        types: Sequence[TaskType],
        max_tasks: int,
        after: TenantId | None,
    ) -> Sequence[ClaimedTask]:
        if not self._database.is_alive(session_id):
            raise SessionExpired(
                f"session {session_id} has expired or was never opened; what it held is for"
                " others to claim: begin a new session"
            )
        self._database.release_delayed(RELEASE_AT_ONCE)
        only = self._database.sessions[session_id].tenant_id
        self._withhold()
        waiting: dict[TenantId, list[TaskKey]] = {}
        queues = [queue for queue in queues if queue not in self._database.paused_queues]
        for key, row in self._database.ready.items():
            if row.queue in queues and row.type in types and only in {None, key.tenant_id}:
                waiting.setdefault(key.tenant_id, []).append(key)
        waiting = {
            tenant_id: self._with_room(tenant_id, keys) for tenant_id, keys in waiting.items()
        }
        waiting = {tenant_id: keys for tenant_id, keys in waiting.items() if keys}
        # The tenants after `after` first, then round to it.
        round_from_after = sorted(
            waiting, key=lambda tenant_id: (after is not None and tenant_id <= after, tenant_id)
        )
        handed_out = [
            self._hand_out(session_id, key)
            for key in self._picked(waiting, round_from_after[:max_tasks], max_tasks)
        ]
        for key, row in self._database.ready.items():
            if row.queue in queues and row.type in types:
                self._limits.held_back(key.tenant_id, row.limit_key, row.queue)
        return handed_out

    async def held(self, session_id: SessionId, limit: int) -> frozenset[HeldTask]:
        held = [
            HeldTask(key.instance_id, key.ordinal, lease.epoch)
            for key, lease in self._database.leases.items()
            if lease.session_id == session_id
        ]
        return frozenset(held[:limit])

    async def still_held(
        self, tasks: Sequence[tuple[TenantId, HeldTask]]
    ) -> frozenset[tuple[TenantId, HeldTask]]:
        database = self._database
        return frozenset(
            (tenant_id, task)
            for tenant_id, task in tasks
            if (lease := database.leases.get(key := TaskKey(tenant_id, *task[:2])))
            and lease.epoch == task.epoch
            and not database.tasks[key].is_closed
        )

    async def beat(self, beats: Sequence[Beat]) -> None:
        database = self._database
        for tenant_id, task, progress in beats:
            key = TaskKey(tenant_id, task.instance_id, task.ordinal)
            lease = database.leases.get(key)
            if lease is not None and lease.epoch == task.epoch:
                database.leases[key] = replace(
                    lease,
                    silent_at=silent_at(database.now(), database.tasks[key].heartbeat_s),
                    progress=lease.progress if progress is None else progress,
                )

    async def holders(self, tasks: Sequence[TaskKey]) -> Mapping[SessionId, Sequence[HeldTask]]:
        found: defaultdict[SessionId, list[HeldTask]] = defaultdict(list)
        for key in tasks:
            lease = self._database.leases.get(key)
            if lease is not None:
                found[lease.session_id].append(HeldTask(key.instance_id, key.ordinal, lease.epoch))
        return found

    async def close(self, session_id: SessionId) -> None:
        self._database.sessions.pop(session_id, None)

    def _withhold(self) -> None:
        """What belongs to a paused instance is set aside until it is resumed."""
        for key in list(self._database.ready):
            instance = self._database.instances[InstanceKey(key.tenant_id, key.instance_id)]
            if instance.paused:
                row = self._database.ready.pop(key)
                self._database.delayed[key] = replace(row, run_at=WITHHELD)

    def _picked(
        self, waiting: dict[TenantId, list[TaskKey]], tenants: Sequence[TenantId], max_tasks: int
    ) -> Sequence[TaskKey]:
        """An equal share for each tenant, in the order of precedence."""
        if not tenants:
            return ()
        share = ceil(max_tasks / len(tenants))
        picked: list[TaskKey] = []
        for tenant_id in tenants:
            picked += waiting[tenant_id][:share]
        return picked[:max_tasks]

    def _with_room(self, tenant_id: TenantId, waiting: Sequence[TaskKey]) -> list[TaskKey]:
        """Those that the tenant's limits let begin now, in the order of precedence."""
        fitting = []
        room: dict[str | None, float] = {}
        for key in sorted(waiting, key=self._precedence):
            row = self._database.ready[key]
            counts = {WHOLE_TENANT, row.limit_key}
            for one in counts - room.keys():
                room[one] = self._limits.room(tenant_id, one)
            if all(room[one] >= 1 for one in counts):
                fitting.append(key)
                for one in counts:
                    room[one] -= 1
        return fitting

    def _precedence(self, key: TaskKey) -> datetime:
        row = self._database.ready[key]
        return row.run_at - row.priority * HEAD_START

    def _hand_out(self, session_id: SessionId, key: TaskKey) -> ClaimedTask:
        row: Requeued = self._database.ready.pop(key)
        self._limits.spend(key.tenant_id, row.limit_key)
        lease = Lease(
            session_id=session_id,
            attempt=row.attempt + 1,
            epoch=row.epoch + 1,
            claimed_at=self._database.now(),
            silent_at=silent_at(self._database.now(), self._database.tasks[key].heartbeat_s),
        )
        self._database.leases[key] = lease
        task = self._database.tasks[key]
        progress = self._database.progress.get(key)
        instance = self._database.instances[InstanceKey(key.tenant_id, key.instance_id)]
        return ClaimedTask(
            tenant_id=key.tenant_id,
            instance_id=key.instance_id,
            ordinal=key.ordinal,
            epoch=lease.epoch,
            attempt=lease.attempt,
            max_attempts=task.max_attempts,
            definition_key=instance.definition_key,
            name=task.name,
            type=task.type,
            function=task.function,
            queue=task.queue,
            input=load(task.input),
            idempotency_key=task.idempotency_key,
            run_at=task.run_at,
            timeout=None if task.timeout_s is None else timedelta(seconds=task.timeout_s),
            trace_parent=task.trace_parent,
            last_progress=None if progress is None else load(progress),
        )
