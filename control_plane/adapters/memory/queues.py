"""Queues in memory. What is counted here ends at the same bounds as in PostgreSQL."""

from collections import Counter
from collections.abc import Iterable, Sequence

from control_plane.adapters.memory.audit_log import note
from control_plane.adapters.memory.database import MemoryDatabase, hash_of
from control_plane.ports.audit import Noted, Target
from control_plane.ports.instance_store import TaskKey
from control_plane.ports.queues import Depth, Lane, PausedQueue, Stats
from shared.ids import TenantId
from shared.tasks import TaskType


class MemoryQueues:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def stats(
        self, tenant_id: TenantId | None, queue: str | None, *, lanes: int, at_most: int
    ) -> Stats:
        database = self._database
        ready = self._counts(database.ready, tenant_id)
        delayed = self._counts(list(database.delayed)[:at_most], tenant_id)
        leased = self._counts(list(database.leases)[:at_most], tenant_id)
        names = sorted(name for name in {*ready, *delayed, *leased} if queue in {None, name[0]})
        found = [
            Lane(
                queue=name[0],
                type=name[1],
                ready=Depth(min(ready[name], at_most), ready[name] >= at_most),
                delayed=Depth(delayed[name], delayed.total() >= at_most),
                leased=Depth(leased[name], leased.total() >= at_most),
                oldest_at=min(
                    (
                        row.run_at
                        for key, row in database.ready.items()
                        if (row.queue, row.type) == name and tenant_id in {None, key.tenant_id}
                    ),
                    default=None,
                ),
            )
            for name in names[:lanes]
        ]
        return Stats(found, len(names) > lanes, database.now())

    async def pause(
        self,
        queue: str,
        reason: str,
        paused_by: str,
        *,
        at_most: int,
        noted: Noted | None = None,
    ) -> PausedQueue | None:
        paused = self._database.paused_queues
        if queue not in paused:
            if len(paused) >= at_most:
                return None
            paused[queue] = PausedQueue(
                queue=queue, reason=reason, paused_by=paused_by, paused_at=self._database.now()
            )
            after = hash_of(paused[queue])
            note(self._database, noted, None, Target("queue", queue), None, after)
        return paused[queue]

    async def resume(self, queue: str, *, noted: Noted | None = None) -> bool:
        before = self._database.paused_queues.pop(queue, None)
        if before is not None:
            note(self._database, noted, None, Target("queue", queue), hash_of(before), None)
        return before is not None

    async def paused(self) -> Sequence[PausedQueue]:
        return [one for _, one in sorted(self._database.paused_queues.items())]

    def _counts(
        self, keys: Iterable[TaskKey], tenant_id: TenantId | None
    ) -> Counter[tuple[str, TaskType]]:
        tasks = self._database.tasks
        return Counter(
            (tasks[key].queue, tasks[key].type)
            for key in keys
            if tenant_id in {None, key.tenant_id}
        )
