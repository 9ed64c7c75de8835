"""Give the live instance of a business key an event, or start one with it."""

from dataclasses import dataclass, replace
from datetime import timedelta

from control_plane.engine import Disposition
from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import Send, Start
from control_plane.ports.reader import Reader
from control_plane.ports.records import CLOSED_INSTANCE, Instance
from control_plane.use_cases import fields
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.send_event import EventOf, send_request
from control_plane.use_cases.start_instance import StartOf, start_request
from control_plane.use_cases.submits import Submits
from shared.errors import AlreadyExists, Overloaded, PreconditionFailed
from shared.ids import TenantId

MAX_TRIES = 3
"""How many instances one signal finds that end before they can be told."""

RETRY_IN = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalled:
    """`created` is true if this signal, or the first that it repeats, started the instance."""

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
) -> Signalled:
    """
    A start and its event are one commit. Repeating finds the instance, which knows the event.

    Where the instance ends between being found and being told, the next is started.
    """
    fields.required(wanted.business_key, "business_key", longest=fields.MAX_BUSINESS_KEY)
    request = start_request(tenant_id, wanted, started_by=sent_by)
    asked = request.asked
    assert isinstance(asked, Start)
    send = send_request(tenant_id, request.instance_id, event)
    assert isinstance(send.asked, Send)
    signal = replace(request, asked=replace(asked, then=send.asked))
    for _ in range(MAX_TRIES):
        answer = await orchestrator.submit(signal)
        if not answer.created:
            found = answer
            try:
                answer = await orchestrator.submit(replace(send, instance_id=found.instance_id))
            except PreconditionFailed as refused:
                if refused.reason != "INSTANCE_CLOSED":
                    raise
                if found.status not in CLOSED_INSTANCE:
                    continue
                raise _taken(wanted.business_key, found) from None
        instance = answer.instance or await find_instance(reader, tenant_id, answer.instance_id)
        return Signalled(instance=instance, created=answer.created, disposition=answer.disposition)
    raise Overloaded(
        f"{MAX_TRIES} instances of business key {wanted.business_key!r} ended before they could"
        " be told; send the signal again",
        retry_in=RETRY_IN,
    )


def _taken(business_key: str, found: Answer) -> AlreadyExists:
    return AlreadyExists(
        f"business key {business_key!r} belongs to instance {found.instance_id}, which is"
        f" {found.status}; see on_closed for what else a signal can do",
        reason="BUSINESS_KEY_IN_USE",
        metadata={"instance_id": str(found.instance_id), "status": found.status},
    )
