"""Tell what an event would do to an instance, and do none of it."""

from control_plane.orchestrator.machines import Machines
from control_plane.orchestrator.rehearsing import Preview, preview_send
from control_plane.orchestrator.request import Send
from control_plane.ports.instance_store import InstanceStore
from control_plane.ports.records import InstanceKey
from control_plane.use_cases import fields
from shared.ids import InstanceId, TenantId


async def preview_event(
    store: InstanceStore,
    machines: Machines,
    tenant_id: TenantId,
    instance_id: InstanceId,
    *,
    event_type: str,
    payload: str | None,
) -> Preview:
    """
    What SendEvent would answer and leave behind. `payload` is JSON text, None for none.

    Raises InvalidRequest for a field that is wrong, and NotFound for an id that is
    unknown, or another tenant's. An event that would be refused is no error here.
    """
    fields.event_type(event_type, "event_type")
    asked = Send(event_id="", type=event_type, payload=fields.json_object(payload, "payload"))
    return await preview_send(store, machines, InstanceKey(tenant_id, instance_id), asked)
