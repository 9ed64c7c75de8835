"""Let an instance rest."""

from control_plane.orchestrator.request import Pause, Request
from control_plane.ports.reader import Reader
from control_plane.ports.records import Instance
from control_plane.use_cases import fields
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.ids import InstanceId, TenantId


async def pause_instance(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    instance_id: InstanceId,
    *,
    reason: str,
    paused_by: str,
    request_id: str,
) -> Instance:
    """What comes meanwhile is kept for it. Repeating is harmless."""
    fields.required(reason, "reason", longest=fields.MAX_REASON)
    await orchestrator.submit(
        Request(
            tenant_id=tenant_id,
            instance_id=instance_id,
            asked=Pause(reason=reason, paused_by=paused_by),
            repeatable=repeatable(request_id, "pause", [str(instance_id), reason]),
        )
    )
    return await find_instance(reader, tenant_id, instance_id)
