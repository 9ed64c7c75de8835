"""Instances, their starts and their answers on the wire."""

from foliot.v1 import event_pb2, event_service_pb2, instance_service_pb2
from foliot.v1 import instance_pb2 as pb

from control_plane.api.mapping.texts import text_of, to_json
from control_plane.api.mapping.times import timestamp
from control_plane.engine import Disposition
from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import OnClosed, OnRunning
from control_plane.ports.records import Instance, InstanceStatus
from control_plane.use_cases.send_event import EventOf
from control_plane.use_cases.start_instance import StartOf
from shared import json
from shared.errors import InvalidRequest
from shared.ids import DefinitionId, parse_uuid, task_id

_STATUSES: dict[InstanceStatus, pb.InstanceStatus.ValueType] = {
    "pending": pb.INSTANCE_STATUS_PENDING,
    "running": pb.INSTANCE_STATUS_RUNNING,
    "waiting": pb.INSTANCE_STATUS_WAITING,
    "completed": pb.INSTANCE_STATUS_COMPLETED,
    "failed": pb.INSTANCE_STATUS_FAILED,
    "cancelled": pb.INSTANCE_STATUS_CANCELLED,
}
STATUS_WORDS: dict[str, InstanceStatus] = {status.upper(): status for status in _STATUSES}

_DISPOSITIONS: dict[Disposition, event_pb2.EventDisposition.ValueType] = {
    "APPLIED": event_pb2.EVENT_DISPOSITION_APPLIED,
    "DEFERRED": event_pb2.EVENT_DISPOSITION_DEFERRED,
    "IGNORED": event_pb2.EVENT_DISPOSITION_IGNORED,
    "REJECTED": event_pb2.EVENT_DISPOSITION_REJECTED,
}
_ON_RUNNING = {
    instance_service_pb2.ON_RUNNING_UNSPECIFIED: OnRunning.USE_EXISTING,
    instance_service_pb2.ON_RUNNING_USE_EXISTING: OnRunning.USE_EXISTING,
    instance_service_pb2.ON_RUNNING_FAIL: OnRunning.FAIL,
    instance_service_pb2.ON_RUNNING_CANCEL_EXISTING: OnRunning.CANCEL_EXISTING,
}
_ON_CLOSED = {
    instance_service_pb2.ON_CLOSED_UNSPECIFIED: OnClosed.REJECT,
    instance_service_pb2.ON_CLOSED_REJECT: OnClosed.REJECT,
    instance_service_pb2.ON_CLOSED_ALLOW: OnClosed.ALLOW,
    instance_service_pb2.ON_CLOSED_ALLOW_IF_FAILED: OnClosed.ALLOW_IF_FAILED,
}


def instance_to(instance: Instance, *, full: bool) -> pb.Instance:
    """In full, or without context and output."""
    labels = json.load(instance.labels)
    return pb.Instance(
        instance_id=str(instance.instance_id),
        definition_id=str(instance.definition_id),
        definition_key=instance.definition_key,
        definition_version=instance.definition_version,
        business_key=instance.business_key or "",
        status=status_to(instance.status),
        paused=instance.paused,
        state=to_json(instance.current_state),
        context=to_json(instance.context) if full else None,
        output=to_json(instance.output) if full else None,
        revision=instance.revision,
        history_seq=instance.seq,
        start_time=timestamp(instance.started_at),
        complete_time=timestamp(instance.completed_at),
        update_time=timestamp(instance.updated_at),
        last_error=_error_to(instance.last_error),
        labels={name: str(label) for name, label in labels.items()}
        if isinstance(labels, dict)
        else {},
        parent_instance_id=str(instance.parent_instance_id or ""),
        parent_task_id=task_id(instance.parent_instance_id, instance.parent_ordinal)
        if instance.parent_instance_id is not None and instance.parent_ordinal is not None
        else "",
        schedule_id=instance.schedule_id or "",
    )


def status_to(status: InstanceStatus) -> pb.InstanceStatus.ValueType:
    return _STATUSES[status]


def disposition_to(disposition: Disposition) -> event_pb2.EventDisposition.ValueType:
    return _DISPOSITIONS[disposition]


def is_full(view: int, *, unset: bool) -> bool:
    """Whether the view asks for context and output. Raises InvalidRequest for an unknown one."""
    match view:
        case pb.INSTANCE_VIEW_UNSPECIFIED:
            return unset
        case pb.INSTANCE_VIEW_BASIC:
            return False
        case pb.INSTANCE_VIEW_FULL:
            return True
        case _:
            raise InvalidRequest(f"view {view} is none this server knows", field="view")


def start_from(request: instance_service_pb2.StartInstanceRequest) -> StartOf:
    if request.on_running not in _ON_RUNNING:
        raise InvalidRequest("on_running is none this server knows", field="on_running")
    if request.on_closed not in _ON_CLOSED:
        raise InvalidRequest("on_closed is none this server knows", field="on_closed")
    by_id = request.WhichOneof("definition") == "definition_id"
    return StartOf(
        definition_key=request.definition_key,
        definition_id=DefinitionId(parse_uuid(request.definition_id, "definition_id"))
        if by_id
        else None,
        business_key=request.business_key,
        input=text_of(request, "input"),
        labels=dict(request.labels),
        on_running=_ON_RUNNING[request.on_running],
        on_closed=_ON_CLOSED[request.on_closed],
        request_id=request.request_id,
    )


def start_of_signal(request: instance_service_pb2.SignalWithStartRequest) -> StartOf:
    if request.on_closed not in _ON_CLOSED:
        raise InvalidRequest("on_closed is none this server knows", field="on_closed")
    return StartOf(
        definition_key=request.definition_key,
        definition_id=None,
        business_key=request.business_key,
        input=text_of(request, "input"),
        labels=dict(request.labels),
        on_running=OnRunning.USE_EXISTING,
        on_closed=_ON_CLOSED[request.on_closed],
        request_id="",
    )


def event_from(event: event_pb2.Event) -> EventOf:
    return EventOf(event_id=event.event_id, type=event.type, payload=text_of(event, "payload"))


def send_event_response(answer: Answer) -> instance_service_pb2.SendEventResponse:
    return instance_service_pb2.SendEventResponse(
        disposition=disposition_to(answer.disposition),
        duplicate=answer.duplicate,
        revision=answer.revision,
        state=to_json(answer.state),
    )


def accepted(answer: Answer, *, is_start: bool) -> event_service_pb2.IngestAccepted:
    created = answer.created and not answer.duplicate
    return event_service_pb2.IngestAccepted(
        instance_id=str(answer.instance_id),
        created=created,
        disposition=disposition_to(answer.disposition),
        duplicate=answer.duplicate or (is_start and not created),
    )


def _error_to(stored: str | None) -> pb.InstanceError | None:
    if stored is None:
        return None
    error = json.load(stored)
    if not isinstance(error, dict):
        return pb.InstanceError(kind="unknown", message=stored)
    return pb.InstanceError(
        kind=str(error.get("kind", "unknown")),
        message=str(error.get("message", "")),
        json_pointer=str(error.get("json_pointer") or ""),
        task_id=str(error.get("task_id") or ""),
    )
