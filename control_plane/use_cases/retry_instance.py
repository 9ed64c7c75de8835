"""Take up a failed instance from where it failed."""

from control_plane.orchestrator.request import Request, Retry
from control_plane.orchestrator.stalled import stalled_tasks
from control_plane.ports.reader import Reader
from control_plane.ports.records import Instance
from control_plane.use_cases import fields
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.ids import InstanceId, TenantId


async def retry_instance(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    instance_id: InstanceId,
    *,
    reason: str,
    retried_by: str,
    request_id: str,
) -> Instance:
    """What was open when it failed is created anew, in one commit. Repeating is harmless."""
    fields.required(reason, "reason", longest=fields.MAX_REASON)
    failed = await find_instance(reader, tenant_id, instance_id)
    await orchestrator.submit(
        retry_request(failed, reason=reason, retried_by=retried_by, request_id=request_id)
    )
    return await find_instance(reader, tenant_id, instance_id)


def retry_request(
    failed: Instance, *, reason: str, retried_by: str, request_id: str = ""
) -> Request:
    """The retry of an instance as it was read; refused if it was changed since."""
    return Request(
        tenant_id=failed.tenant_id,
        instance_id=failed.instance_id,
        asked=Retry(
            reason=reason,
            retried_by=retried_by,
            ordinals=stalled_tasks(failed),
            definition_key=failed.definition_key,
            business_key=failed.business_key,
        ),
        repeatable=repeatable(request_id, "retry", [str(failed.instance_id), reason]),
    )
