"""What `foliot instance start`, `send` and `signal` do."""

import uuid
from collections.abc import Sequence

from foliot.v1 import event_pb2, instance_pb2, instance_service_pb2
from rich.text import Text

from control_plane.cli.arguments import labels_given, object_given
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from control_plane.cli.printing import aside, print_facts, print_json, print_line, word


def run_start(
    target: Target,
    definition: str,
    *,
    given: str,
    business_key: str,
    labels: Sequence[str],
    on_running: str,
    on_closed: str,
    request_id: str,
    output: str,
) -> None:
    with explained():
        request = instance_service_pb2.StartInstanceRequest(
            definition_key=definition,
            business_key=business_key,
            input=object_given(given, "--input"),
            labels=labels_given(labels),
            on_running=instance_service_pb2.OnRunning.Value(f"ON_RUNNING_{on_running.upper()}"),
            on_closed=_on_closed(on_closed),
            request_id=request_id,
        )

    async def ask(to: Caller) -> instance_service_pb2.StartInstanceResponse:
        return await to.instances.StartInstance(request, metadata=to.metadata)

    answer = call(target, ask)
    _show(answer.instance, output, created=answer.created)


def run_send(
    target: Target,
    instance_id: str,
    event_type: str,
    *,
    payload: str,
    event_id: str,
    output: str,
) -> None:
    with explained():
        request = instance_service_pb2.SendEventRequest(
            instance_id=instance_id, event=_event(event_type, payload, event_id)
        )

    async def ask(to: Caller) -> instance_service_pb2.SendEventResponse:
        return await to.instances.SendEvent(request, metadata=to.metadata)

    answer = call(target, ask)
    if output == "json":
        print_json(answer)
        return
    disposition = word(event_pb2.EventDisposition, answer.disposition).lower()
    print_facts(
        {
            "event": request.event.event_id,
            "became": f"{disposition}, before already" if answer.duplicate else disposition,
            "state": answer.state.json,
            "revision": str(answer.revision),
        }
    )


def run_signal(
    target: Target,
    definition: str,
    business_key: str,
    event_type: str,
    *,
    payload: str,
    event_id: str,
    given: str,
    labels: Sequence[str],
    on_closed: str,
    output: str,
) -> None:
    with explained():
        request = instance_service_pb2.SignalWithStartRequest(
            definition_key=definition,
            business_key=business_key,
            input=object_given(given, "--input"),
            event=_event(event_type, payload, event_id),
            on_closed=_on_closed(on_closed),
            labels=labels_given(labels),
        )

    async def ask(to: Caller) -> instance_service_pb2.SignalWithStartResponse:
        return await to.instances.SignalWithStart(request, metadata=to.metadata)

    answer = call(target, ask)
    _show(answer.instance, output, created=answer.created)


def _show(instance: instance_pb2.Instance, output: str, *, created: bool) -> None:
    if output == "json":
        print_json({"instance": instance, "created": created})
        return
    # Bare, so that a script can take it in.
    print_line(instance.instance_id)
    if not created:
        status = word(instance_pb2.InstanceStatus, instance.status).lower()
        aside().print(
            Text(f"it was there before, and is {status}; none was started", "yellow"),
            soft_wrap=True,
        )


def _event(event_type: str, payload: str, event_id: str) -> event_pb2.Event:
    return event_pb2.Event(
        event_id=event_id or str(uuid.uuid4()),
        type=event_type,
        payload=object_given(payload, "--payload"),
    )


def _on_closed(text: str) -> "instance_service_pb2.OnClosed.ValueType":
    return instance_service_pb2.OnClosed.Value(f"ON_CLOSED_{text.upper()}")
