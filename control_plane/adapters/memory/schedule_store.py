"""Schedules in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from control_plane.adapters.memory.audit_log import note
from control_plane.adapters.memory.database import MemoryDatabase, hash_of
from control_plane.ports.audit import Noted, Target
from control_plane.ports.schedule_store import (
    MAX_RUNNING,
    AheadOfSchedules,
    Found,
    Schedule,
    ScheduleKey,
)
from shared.errors import LimitExceeded
from shared.ids import InstanceId, TenantId


class MemoryScheduleStore:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def now(self) -> datetime:
        return self._database.now()

    async def create(self, schedule: Schedule, *, most: int, noted: Noted | None = None) -> bool:
        schedules = self._database.schedules
        if schedule.key in schedules:
            return False
        count = sum(key.tenant_id == schedule.tenant_id for key in schedules)
        if count >= most:
            raise LimitExceeded("schedules of a tenant", actual=count + 1, maximum=most)
        schedules[schedule.key] = schedule
        self._note(noted, schedule.key, None)
        return True

    async def find(self, tenant_id: TenantId, schedule_id: str) -> Found | None:
        schedule = self._database.schedules.get(ScheduleKey(tenant_id, schedule_id))
        return None if schedule is None else self._found(schedule)

    async def list(
        self,
        tenant_id: TenantId,
        *,
        definition_key: str | None,
        paused: bool | None,
        after: str | None,
        limit: int,
    ) -> Sequence[Schedule]:
        found = [
            schedule
            for schedule in self._database.schedules.values()
            if schedule.tenant_id == tenant_id
            and definition_key in {None, schedule.spec.definition_key}
            and paused in {None, schedule.paused_at is not None}
            and (after is None or schedule.schedule_id > after)
        ]
        return sorted(found, key=lambda one: one.schedule_id)[:limit]

    async def put(
        self, schedules: Sequence[Schedule], *, noted: Noted | None = None
    ) -> frozenset[ScheduleKey]:
        known = self._database.schedules
        kept = set()
        for schedule in schedules:
            before = known.get(schedule.key)
            if before is not None and (before.incarnation, before.step) == (
                schedule.incarnation,
                schedule.step,
            ):
                known[schedule.key] = replace(schedule, step=schedule.step + 1)
                self._note(noted, schedule.key, before)
                kept.add(schedule.key)
        return frozenset(kept)

    async def delete(
        self, tenant_id: TenantId, schedule_id: str, *, noted: Noted | None = None
    ) -> bool:
        key = ScheduleKey(tenant_id, schedule_id)
        gone = self._database.schedules.pop(key, None)
        self._note(noted, key, gone)
        return gone is not None

    def _note(self, noted: Noted | None, key: ScheduleKey, before: Schedule | None) -> None:
        after = self._database.schedules.get(key)
        target = Target("schedule", key.schedule_id)
        note(self._database, noted, key.tenant_id, target, _hash(before), _hash(after))

    async def due(self, limit: int) -> Sequence[Found]:
        now = self._database.now()
        awake = [
            (schedule.wakes_at, schedule)
            for schedule in self._database.schedules.values()
            if schedule.wakes_at is not None
            and schedule.wakes_at <= now
            and not self._database.is_suspended(schedule.tenant_id)
        ]
        awake.sort(key=lambda one: one[0])
        waiting = [
            found
            for schedule in self._database.schedules.values()
            if schedule.buffered_at is not None
            and schedule.firing is None
            and (schedule.wakes_at is None or schedule.wakes_at > now)
            and not self._database.is_suspended(schedule.tenant_id)
            and not (found := self._found(schedule)).running
        ]
        return [*(self._found(one) for _, one in awake[:limit]), *waiting[:limit]]

    async def ahead(self) -> AheadOfSchedules:
        wakes = [
            one.wakes_at
            for one in self._database.schedules.values()
            if not self._database.is_suspended(one.tenant_id)
        ]
        return AheadOfSchedules(self._database.now(), min(filter(None, wakes), default=None))

    def _found(self, schedule: Schedule) -> Found:
        return Found(schedule, self._running(schedule), self._database.now())

    def _running(self, schedule: Schedule) -> tuple[InstanceId, ...]:
        running = [
            (one.started_at, one.instance_id)
            for one in self._database.instances.values()
            if (one.tenant_id, one.schedule_id) == schedule.key and not one.is_closed
        ]
        return tuple(instance_id for _, instance_id in sorted(running)[:MAX_RUNNING])


def _hash(schedule: Schedule | None) -> bytes | None:
    if schedule is None:
        return None
    return hash_of((schedule.incarnation, schedule.spec, schedule.paused_at, schedule.firing))
