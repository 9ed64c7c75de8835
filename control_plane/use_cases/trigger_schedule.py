"""Start an instance of a schedule now, besides those of its calendar."""

import asyncio
from dataclasses import replace

from control_plane.access.auditing import noted
from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import Repeatable
from control_plane.ports.instance_store import (
    REQUEST_SCOPE,
    IdempotencyKey,
    InstanceStore,
    Wanted,
)
from control_plane.ports.reader import Reader
from control_plane.ports.records import Instance
from control_plane.ports.schedule_store import Firing, Found, Schedule, ScheduleStore
from control_plane.use_cases.carry_out_firings import carry_out_firings, may_pass
from control_plane.use_cases.change_schedule import PAUSE_S, TRIES
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.get_schedule import get_schedule
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.schedule_moves import settled, triggered
from control_plane.use_cases.submits import Submits
from shared.errors import AlreadyExists, Conflict, FoliotError
from shared.ids import TenantId, new_instance_id


async def trigger_schedule(
    schedules: ScheduleStore,
    store: InstanceStore,
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    schedule_id: str,
    *,
    allow_overlap: bool,
    request_id: str,
    triggered_by: str,
) -> Instance:
    """
    The instance, which was started for this moment; a repeat under one request id gets it again.

    A start that was decided before is carried out first. Raises PreconditionFailed where another
    instance runs, and the schedule lets none begin beside it.
    """
    repeat = repeatable(request_id, "trigger_schedule", [schedule_id, allow_overlap])
    if repeat is not None:
        known = await _answered_before(store, tenant_id, repeat)
        if known is not None:
            return await find_instance(reader, tenant_id, known.instance_id)

    def firing(found: Found) -> Firing:
        return Firing(
            nominal=found.now,
            instance_id=new_instance_id(),
            decided_at=found.now,
            triggered_by=triggered_by,
            request_id=None if repeat is None else repeat.request_id,
            fingerprint=b"" if repeat is None else repeat.fingerprint,
        )

    for _ in range(TRIES):
        found = await get_schedule(schedules, tenant_id, schedule_id)
        if found.schedule.firing is not None:
            await _finish(schedules, orchestrator, found.schedule)
            continue
        ours = triggered(found.schedule, found.running, firing(found), allow_overlap=allow_overlap)
        if await schedules.put([ours], noted=noted()):
            came_to = await _finish(schedules, orchestrator, replace(ours, step=ours.step + 1))
            if isinstance(came_to, FoliotError):
                raise came_to
            return came_to.instance or await find_instance(reader, tenant_id, came_to.instance_id)
        await asyncio.sleep(PAUSE_S)
    raise Conflict(f"schedule {schedule_id!r} was changed by others all the while; try again")


async def _finish(
    schedules: ScheduleStore, orchestrator: Submits, schedule: Schedule
) -> Answer | FoliotError:
    """Carry out what was decided. What may pass stays decided: a loop carries it out later."""
    came_to = (await carry_out_firings(orchestrator, [schedule]))[schedule.key]
    if isinstance(came_to, FoliotError):
        if not may_pass(came_to):
            await schedules.put([settled(schedule, came_to)])
    else:
        await schedules.put([settled(schedule, came_to.instance_id)])
    return came_to


async def _answered_before(
    store: InstanceStore, tenant_id: TenantId, repeat: Repeatable
) -> Answer | None:
    key = IdempotencyKey(tenant_id, REQUEST_SCOPE, repeat.request_id)
    known = (await store.read(Wanted(idempotency=[key]))).answers.get(key)
    if known is None:
        return None
    if known.fingerprint != repeat.fingerprint:
        raise AlreadyExists(
            f"request id {repeat.request_id!r} was used for another request; give each request its"
            " own id, and repeat a request unchanged",
            reason="IDEMPOTENCY_MISMATCH",
            metadata={"request_id": repeat.request_id},
        )
    return Answer.repeated(known.answer)
