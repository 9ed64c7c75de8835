"""End an instance in order."""

from control_plane.orchestrator.request import Cancel, Request
from control_plane.ports.reader import Reader
from control_plane.ports.records import Instance
from control_plane.use_cases import fields
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.ids import InstanceId, TenantId


async def cancel_instance(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    instance_id: InstanceId,
    *,
    reason: str,
    cancelled_by: str,
    expected_revision: int | None,
    request_id: str,
) -> Instance:
    """Exit actions run and open tasks are cancelled, in one commit. Repeating is harmless."""
    fields.required(reason, "reason", longest=fields.MAX_REASON)
    fields.revision(expected_revision)
    await orchestrator.submit(
        Request(
            tenant_id=tenant_id,
            instance_id=instance_id,
            asked=Cancel(
                reason=reason, cancelled_by=cancelled_by, expected_revision=expected_revision
            ),
            repeatable=repeatable(
                request_id, "cancel", [str(instance_id), reason, expected_revision]
            ),
        )
    )
    return await find_instance(reader, tenant_id, instance_id)
