"""InstanceService: proto in, use case, proto out."""

import asyncio
from datetime import timedelta
from typing import cast

from foliot.v1 import instance_service_pb2 as pb
from foliot.v1 import instance_service_pb2_grpc as pb_grpc
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.api.filters import Field, check_order, parse_filter
from control_plane.api.mapping.explanations import explanation_to
from control_plane.api.mapping.history import entry_to
from control_plane.api.mapping.instances import (
    STATUS_WORDS,
    disposition_to,
    event_from,
    instance_to,
    is_full,
    send_event_response,
    start_from,
    start_of_signal,
)
from control_plane.api.mapping.previews import preview_to
from control_plane.api.mapping.tasks import task_to
from control_plane.api.mapping.texts import text_of
from control_plane.api.mapping.times import length_of
from control_plane.api.page_places import instance_place, instance_token
from control_plane.orchestrator.machines import Machines
from control_plane.orchestrator.request import OnRunning
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.instance_store import InstanceStore
from control_plane.ports.limit_store import LimitStore
from control_plane.ports.reader import InstanceFilter, Reader
from control_plane.use_cases.cancel_instance import cancel_instance
from control_plane.use_cases.explain_instance import explain_instance
from control_plane.use_cases.get_instance import get_instance
from control_plane.use_cases.list_instances import list_instances
from control_plane.use_cases.paging import MAX_COUNTED, page_size
from control_plane.use_cases.pause_instance import pause_instance
from control_plane.use_cases.preview_event import preview_event
from control_plane.use_cases.resume_instance import resume_instance
from control_plane.use_cases.retry_instance import retry_instance
from control_plane.use_cases.send_event import send_event
from control_plane.use_cases.signal_with_start import signal_with_start
from control_plane.use_cases.start_instance import start_instance
from control_plane.use_cases.submits import Submits
from control_plane.use_cases.terminate_instance import terminate_instance
from control_plane.use_cases.update_instance_labels import update_instance_labels
from control_plane.use_cases.wait_instance import wait_instance
from control_plane.use_cases.watch_instance import News
from shared.ids import DefinitionId, InstanceId, parse_uuid

FILTER = {
    "status": Field(kind="word", words=tuple(STATUS_WORDS)),
    "definition_key": Field(kind="text"),
    "definition_id": Field(kind="uuid"),
    "business_key": Field(kind="text"),
    "schedule_id": Field(kind="text"),
    "labels.*": Field(kind="text"),
    "start_time": Field(kind="time"),
}
COUNT_FILTER = {
    name: FILTER[name] for name in ("status", "definition_key", "business_key", "start_time")
}
ORDERS = ("start_time desc",)


class InstanceServicer(pb_grpc.InstanceServiceServicer):
    def __init__(
        self,
        orchestrator: Submits,
        reader: Reader,
        definitions: DefinitionStore,
        store: InstanceStore,
        machines: Machines,
        news: News,
        draining: asyncio.Event,
        limits: LimitStore,
    ) -> None:
        """
        `store` is read and never written to: for what is only tried out. Once `draining` is
        set, nobody is kept waiting.
        """
        self._orchestrator = orchestrator
        self._reader = reader
        self._definitions = definitions
        self._store = store
        self._machines = machines
        self._news = news
        self._limits = limits
        self._draining = draining

    async def StartInstance(
        self,
        request: pb.StartInstanceRequest,
        _context: ServicerContext[pb.StartInstanceRequest, pb.StartInstanceResponse],
    ) -> pb.StartInstanceResponse:
        caller = principal.current()
        wanted = start_from(request)
        if wanted.on_running is OnRunning.CANCEL_EXISTING:
            caller.require("instance.cancel")
        started = await start_instance(
            self._orchestrator,
            self._reader,
            self._definitions,
            caller.tenant,
            wanted,
            started_by=caller.name,
        )
        return pb.StartInstanceResponse(
            instance=instance_to(started.instance, full=True), created=started.created
        )

    async def SendEvent(
        self,
        request: pb.SendEventRequest,
        _context: ServicerContext[pb.SendEventRequest, pb.SendEventResponse],
    ) -> pb.SendEventResponse:
        answer = await send_event(
            self._orchestrator,
            principal.current().tenant,
            _id(request.instance_id),
            event_from(request.event),
            expected_revision=request.expected_revision
            if request.HasField("expected_revision")
            else None,
            request_id=request.request_id,
        )
        return send_event_response(answer)

    async def GetInstance(
        self,
        request: pb.GetInstanceRequest,
        _context: ServicerContext[pb.GetInstanceRequest, pb.GetInstanceResponse],
    ) -> pb.GetInstanceResponse:
        full = is_full(request.view, unset=True)
        found = await get_instance(
            self._reader,
            principal.current().tenant,
            _id(request.instance_id),
            with_tasks=request.include_tasks,
            with_history=request.include_history,
        )
        return pb.GetInstanceResponse(
            instance=instance_to(found.instance, full=full),
            tasks=[task_to(one, with_input=True, with_output=True) for one in found.tasks],
            history=[entry_to(found.instance.instance_id, one) for one in found.history],
        )

    async def ListInstances(
        self,
        request: pb.ListInstancesRequest,
        _context: ServicerContext[pb.ListInstancesRequest, pb.ListInstancesResponse],
    ) -> pb.ListInstancesResponse:
        full = is_full(request.view, unset=False)
        terms = parse_filter(request.filter, FILTER)
        order = check_order(request.order_by, ORDERS)
        status = terms.text("status")
        version = terms.uuid("definition_id")
        mark = f"instances\n{request.filter}\n{order}"
        page = await list_instances(
            self._reader,
            self._definitions,
            principal.current().tenant,
            InstanceFilter(
                status=STATUS_WORDS[status] if status is not None else None,
                definition_key=terms.text("definition_key"),
                business_key=terms.text("business_key"),
                labels=tuple(sorted(terms.beneath("labels").items())),
                schedule_id=terms.text("schedule_id"),
                started_from=terms.time("start_time", ">="),
                started_before=terms.time("start_time", "<"),
            ),
            definition_id=DefinitionId(version) if version is not None else None,
            after=instance_place(request.page_token, of=mark),
            size=page_size(request.page_size),
        )
        return pb.ListInstancesResponse(
            instances=[instance_to(one, full=full) for one in page.rows],
            next_page_token=instance_token(page.last, of=mark),
        )

    async def CountInstances(
        self,
        request: pb.CountInstancesRequest,
        _context: ServicerContext[pb.CountInstancesRequest, pb.CountInstancesResponse],
    ) -> pb.CountInstancesResponse:
        terms = parse_filter(request.filter, COUNT_FILTER)
        status = terms.text("status")
        count = await self._reader.count_instances(
            principal.current().tenant,
            InstanceFilter(
                status=STATUS_WORDS[status] if status is not None else None,
                definition_key=terms.text("definition_key"),
                business_key=terms.text("business_key"),
                started_from=terms.time("start_time", ">="),
                started_before=terms.time("start_time", "<"),
            ),
            at_most=MAX_COUNTED + 1,
        )
        return pb.CountInstancesResponse(
            count=min(count, MAX_COUNTED), at_least=count > MAX_COUNTED
        )

    async def ExplainInstance(
        self,
        request: pb.ExplainInstanceRequest,
        _context: ServicerContext[pb.ExplainInstanceRequest, pb.ExplainInstanceResponse],
    ) -> pb.ExplainInstanceResponse:
        explained = await explain_instance(
            self._store,
            self._machines,
            self._reader,
            self._limits,
            principal.current().tenant,
            _id(request.instance_id),
        )
        return pb.ExplainInstanceResponse(explanation=explanation_to(explained))

    async def PreviewEvent(
        self,
        request: pb.PreviewEventRequest,
        _context: ServicerContext[pb.PreviewEventRequest, pb.PreviewEventResponse],
    ) -> pb.PreviewEventResponse:
        preview = await preview_event(
            self._store,
            self._machines,
            principal.current().tenant,
            _id(request.instance_id),
            event_type=request.event_type,
            payload=text_of(request, "payload"),
        )
        return pb.PreviewEventResponse(preview=preview_to(preview))

    async def CancelInstance(
        self,
        request: pb.CancelInstanceRequest,
        _context: ServicerContext[pb.CancelInstanceRequest, pb.CancelInstanceResponse],
    ) -> pb.CancelInstanceResponse:
        caller = principal.current()
        instance = await cancel_instance(
            self._orchestrator,
            self._reader,
            caller.tenant,
            _id(request.instance_id),
            reason=request.reason,
            cancelled_by=caller.name,
            expected_revision=request.expected_revision
            if request.HasField("expected_revision")
            else None,
            request_id=request.request_id,
        )
        return pb.CancelInstanceResponse(instance=instance_to(instance, full=True))

    async def TerminateInstance(
        self,
        request: pb.TerminateInstanceRequest,
        _context: ServicerContext[pb.TerminateInstanceRequest, pb.TerminateInstanceResponse],
    ) -> pb.TerminateInstanceResponse:
        caller = principal.current()
        instance = await terminate_instance(
            self._orchestrator,
            self._reader,
            caller.tenant,
            _id(request.instance_id),
            reason=request.reason,
            terminated_by=caller.name,
            request_id=request.request_id,
        )
        return pb.TerminateInstanceResponse(instance=instance_to(instance, full=True))

    async def PauseInstance(
        self,
        request: pb.PauseInstanceRequest,
        _context: ServicerContext[pb.PauseInstanceRequest, pb.PauseInstanceResponse],
    ) -> pb.PauseInstanceResponse:
        caller = principal.current()
        instance = await pause_instance(
            self._orchestrator,
            self._reader,
            caller.tenant,
            _id(request.instance_id),
            reason=request.reason,
            paused_by=caller.name,
            request_id=request.request_id,
        )
        return pb.PauseInstanceResponse(instance=instance_to(instance, full=True))

    async def ResumeInstance(
        self,
        request: pb.ResumeInstanceRequest,
        _context: ServicerContext[pb.ResumeInstanceRequest, pb.ResumeInstanceResponse],
    ) -> pb.ResumeInstanceResponse:
        caller = principal.current()
        instance = await resume_instance(
            self._orchestrator,
            self._reader,
            caller.tenant,
            _id(request.instance_id),
            reason=request.reason,
            resumed_by=caller.name,
            request_id=request.request_id,
            shifts_timers=request.shift_timers,
        )
        return pb.ResumeInstanceResponse(instance=instance_to(instance, full=True))

    async def UpdateInstanceLabels(
        self,
        request: pb.UpdateInstanceLabelsRequest,
        _context: ServicerContext[pb.UpdateInstanceLabelsRequest, pb.UpdateInstanceLabelsResponse],
    ) -> pb.UpdateInstanceLabelsResponse:
        caller = principal.current()
        instance = await update_instance_labels(
            self._orchestrator,
            self._reader,
            caller.tenant,
            _id(request.instance_id),
            merge=request.merge,
            remove=request.remove,
            expected_revision=request.expected_revision
            if request.HasField("expected_revision")
            else None,
            updated_by=caller.name,
            request_id=request.request_id,
        )
        return pb.UpdateInstanceLabelsResponse(instance=instance_to(instance, full=False))

    async def RetryInstance(
        self,
        request: pb.RetryInstanceRequest,
        _context: ServicerContext[pb.RetryInstanceRequest, pb.RetryInstanceResponse],
    ) -> pb.RetryInstanceResponse:
        caller = principal.current()
        instance = await retry_instance(
            self._orchestrator,
            self._reader,
            caller.tenant,
            _id(request.instance_id),
            reason=request.reason,
            retried_by=caller.name,
            request_id=request.request_id,
        )
        return pb.RetryInstanceResponse(instance=instance_to(instance, full=True))

    async def SignalWithStart(
        self,
        request: pb.SignalWithStartRequest,
        _context: ServicerContext[pb.SignalWithStartRequest, pb.SignalWithStartResponse],
    ) -> pb.SignalWithStartResponse:
        caller = principal.current()
        signalled = await signal_with_start(
            self._orchestrator,
            self._reader,
            caller.tenant,
            start_of_signal(request),
            event_from(request.event),
            sent_by=caller.name,
        )
        return pb.SignalWithStartResponse(
            instance=instance_to(signalled.instance, full=True),
            created=signalled.created,
            disposition=disposition_to(signalled.disposition),
        )

    async def WaitInstance(
        self,
        request: pb.WaitInstanceRequest,
        context: ServicerContext[pb.WaitInstanceRequest, pb.WaitInstanceResponse],
    ) -> pb.WaitInstanceResponse:
        timeout = length_of(request.timeout, "timeout") if request.HasField("timeout") else None
        # None without a deadline, whatever its stub says.
        left_s = cast("float | None", context.time_remaining())
        instance = await wait_instance(
            self._reader,
            self._news,
            principal.current().tenant,
            _id(request.instance_id),
            at_most=timeout,
            deadline=None if left_s is None else timedelta(seconds=left_s),
            draining=self._draining,
        )
        return pb.WaitInstanceResponse(instance=instance_to(instance, full=True))


def _id(text: str) -> InstanceId:
    return InstanceId(parse_uuid(text, "instance_id"))
