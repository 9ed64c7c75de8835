"""Give the live instance of a business key an event, or start one with it."""

from dataclasses import dataclass, replace

from control_plane.engine import Disposition
from control_plane.orchestrator.request import Request, Send, Start
from control_plane.ports.reader import Reader
from control_plane.ports.records import Instance
from control_plane.use_cases import fields
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.send_event import EventOf, send_request
from control_plane.use_cases.start_instance import StartOf, start_request
from control_plane.use_cases.submits import Submits
from shared.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalled:
    """`created` is false if the instance was there before."""

    instance: Instance
    created: bool
    disposition: Disposition


async def signal_with_start(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    wanted: StartOf,
    event: EventOf,
    *,
    sent_by: str,
    trace_id: str | None,
) -> Signalled:
    """
    A start and its event are one commit. Repeating finds the instance, which knows the event.
    """
    fields.required(wanted.business_key, "business_key", longest=fields.MAX_BUSINESS_KEY)
    request = start_request(tenant_id, wanted, started_by=sent_by, trace_id=trace_id)
    asked = request.asked
    assert isinstance(asked, Start)
    send = send_request(tenant_id, request.instance_id, event, trace_id=trace_id)
    assert isinstance(send.asked, Send)
    answer = await orchestrator.submit(replace(request, asked=replace(asked, then=send.asked)))
    if answer.created and not answer.duplicate:
        instance = answer.instance or await find_instance(reader, tenant_id, answer.instance_id)
        return Signalled(instance=instance, created=True, disposition=answer.disposition)
    told = await orchestrator.submit(
        Request(
            tenant_id=tenant_id,
            instance_id=answer.instance_id,
            asked=send.asked,
            trace_id=trace_id,
        )
    )
    instance = await find_instance(reader, tenant_id, answer.instance_id)
    return Signalled(instance=instance, created=False, disposition=told.disposition)
