"""Let a paused instance go on."""

from control_plane.orchestrator.request import Request, Resume
from control_plane.ports.reader import Reader
from control_plane.ports.records import Instance
from control_plane.use_cases import fields
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.ids import InstanceId, TenantId


async def resume_instance(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    instance_id: InstanceId,
    *,
    reason: str,
    resumed_by: str,
    request_id: str,
    shifts_timers: bool,
) -> Instance:
    """What was kept is applied in the same commit. Repeating is harmless."""
    fields.required(reason, "reason", longest=fields.MAX_REASON)
    await orchestrator.submit(
        Request(
            tenant_id=tenant_id,
            instance_id=instance_id,
            asked=Resume(reason=reason, resumed_by=resumed_by, shifts_timers=shifts_timers),
            repeatable=repeatable(request_id, "resume", [str(instance_id), reason, shifts_timers]),
        )
    )
    return await find_instance(reader, tenant_id, instance_id)
