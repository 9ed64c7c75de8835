"""Give an instance an event."""

from dataclasses import dataclass

from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import Request, Send
from control_plane.use_cases import fields
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.ids import InstanceId, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOf:
    """An event as it was sent. `payload` is JSON text, None for no payload."""

    event_id: str
    type: str
    payload: str | None


async def send_event(
    orchestrator: Submits,
    tenant_id: TenantId,
    instance_id: InstanceId,
    event: EventOf,
    *,
    expected_revision: int | None,
    request_id: str,
) -> Answer:
    """Accepting and reacting are one commit: either both happened or neither did."""
    return await orchestrator.submit(
        send_request(
            tenant_id,
            instance_id,
            event,
            expected_revision=expected_revision,
            request_id=request_id,
        )
    )


def send_request(
    tenant_id: TenantId,
    instance_id: InstanceId,
    event: EventOf,
    *,
    expected_revision: int | None = None,
    request_id: str = "",
) -> Request:
    """The event as the orchestrator takes it. Raises InvalidRequest for a field that is wrong."""
    fields.required(event.event_id, "event.event_id", longest=fields.MAX_EVENT_ID)
    fields.event_type(event.type, "event.type")
    payload = fields.json_object(event.payload, "event.payload")
    fields.revision(expected_revision)
    return Request(
        tenant_id=tenant_id,
        instance_id=instance_id,
        asked=Send(
            event_id=event.event_id,
            type=event.type,
            payload=payload,
            expected_revision=expected_revision,
        ),
        repeatable=repeatable(
            request_id,
            "send",
            [str(instance_id), event.event_id, event.type, payload, expected_revision],
        ),
    )
