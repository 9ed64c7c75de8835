"""ScheduleService: proto in, use case, proto out."""

from datetime import UTC, datetime

from foliot.v1 import schedule_service_pb2 as pb
from foliot.v1 import schedule_service_pb2_grpc as pb_grpc
from google.protobuf.timestamp_pb2 import Timestamp
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.access.principal import Principal
from control_plane.api.filters import Field, check_order, parse_filter
from control_plane.api.mapping.instances import instance_to
from control_plane.api.mapping.schedules import fire_time_to, schedule_to, wanted_from
from control_plane.api.page_tokens import invalid_token, make_token, read_token
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.instance_store import InstanceStore
from control_plane.ports.reader import Reader
from control_plane.ports.schedule_store import ScheduleStore
from control_plane.use_cases.create_schedule import create_schedule
from control_plane.use_cases.delete_schedule import delete_schedule
from control_plane.use_cases.get_schedule import get_schedule
from control_plane.use_cases.list_schedules import list_schedules
from control_plane.use_cases.paging import page_size
from control_plane.use_cases.pause_schedule import pause_schedule
from control_plane.use_cases.preview_schedule import preview_schedule
from control_plane.use_cases.resume_schedule import resume_schedule
from control_plane.use_cases.schedule_fields import WantedSchedule
from control_plane.use_cases.submits import Submits
from control_plane.use_cases.trigger_schedule import trigger_schedule
from control_plane.use_cases.update_schedule import update_schedule
from shared.errors import InvalidRequest

FILTER = {
    "definition_key": Field(kind="text"),
    "paused": Field(kind="word", words=("TRUE", "FALSE")),
}
ORDERS = ("schedule_id",)


class ScheduleServicer(pb_grpc.ScheduleServiceServicer):
    def __init__(
        self,
        schedules: ScheduleStore,
        definitions: DefinitionStore,
        store: InstanceStore,
        orchestrator: Submits,
        reader: Reader,
    ) -> None:
        """`store` is read and never written to: for what a request id was answered before."""
        self._schedules = schedules
        self._definitions = definitions
        self._store = store
        self._orchestrator = orchestrator
        self._reader = reader

    async def CreateSchedule(
        self,
        request: pb.CreateScheduleRequest,
        _context: ServicerContext[pb.CreateScheduleRequest, pb.CreateScheduleResponse],
    ) -> pb.CreateScheduleResponse:
        caller = principal.current()
        created = await create_schedule(
            self._schedules,
            self._definitions,
            caller.tenant,
            request.schedule_id,
            _allowed(caller, wanted_from(request.spec)),
            is_paused=request.paused,
            created_by=caller.name,
        )
        return pb.CreateScheduleResponse(
            schedule=schedule_to(created.found.schedule, created.found.running),
            created=created.created,
        )

    async def GetSchedule(
        self,
        request: pb.GetScheduleRequest,
        _context: ServicerContext[pb.GetScheduleRequest, pb.GetScheduleResponse],
    ) -> pb.GetScheduleResponse:
        found = await get_schedule(self._schedules, principal.current().tenant, request.schedule_id)
        return pb.GetScheduleResponse(schedule=schedule_to(found.schedule, found.running))

    async def ListSchedules(
        self,
        request: pb.ListSchedulesRequest,
        _context: ServicerContext[pb.ListSchedulesRequest, pb.ListSchedulesResponse],
    ) -> pb.ListSchedulesResponse:
        terms = parse_filter(request.filter, FILTER)
        order = check_order(request.order_by, ORDERS)
        paused = terms.text("paused")
        mark = f"schedules\n{request.filter}\n{order}"
        page = await list_schedules(
            self._schedules,
            principal.current().tenant,
            definition_key=terms.text("definition_key"),
            paused=None if paused is None else paused == "TRUE",
            after=_position(request.page_token, mark),
            size=page_size(request.page_size),
        )
        return pb.ListSchedulesResponse(
            schedules=[schedule_to(one) for one in page.rows],
            next_page_token=make_token([page.last.schedule_id], of=mark) if page.last else "",
        )

    async def UpdateSchedule(
        self,
        request: pb.UpdateScheduleRequest,
        _context: ServicerContext[pb.UpdateScheduleRequest, pb.UpdateScheduleResponse],
    ) -> pb.UpdateScheduleResponse:
        caller = principal.current()
        found = await update_schedule(
            self._schedules,
            self._definitions,
            caller.tenant,
            request.schedule_id,
            _allowed(caller, wanted_from(request.spec)),
            expected_revision=request.expected_revision
            if request.HasField("expected_revision")
            else None,
        )
        return pb.UpdateScheduleResponse(schedule=schedule_to(found.schedule, found.running))

    async def DeleteSchedule(
        self,
        request: pb.DeleteScheduleRequest,
        _context: ServicerContext[pb.DeleteScheduleRequest, pb.DeleteScheduleResponse],
    ) -> pb.DeleteScheduleResponse:
        await delete_schedule(self._schedules, principal.current().tenant, request.schedule_id)
        return pb.DeleteScheduleResponse()

    async def PauseSchedule(
        self,
        request: pb.PauseScheduleRequest,
        _context: ServicerContext[pb.PauseScheduleRequest, pb.PauseScheduleResponse],
    ) -> pb.PauseScheduleResponse:
        found = await pause_schedule(
            self._schedules,
            principal.current().tenant,
            request.schedule_id,
            reason=request.reason,
        )
        return pb.PauseScheduleResponse(schedule=schedule_to(found.schedule, found.running))

    async def ResumeSchedule(
        self,
        request: pb.ResumeScheduleRequest,
        _context: ServicerContext[pb.ResumeScheduleRequest, pb.ResumeScheduleResponse],
    ) -> pb.ResumeScheduleResponse:
        found = await resume_schedule(
            self._schedules, principal.current().tenant, request.schedule_id
        )
        return pb.ResumeScheduleResponse(schedule=schedule_to(found.schedule, found.running))

    async def TriggerSchedule(
        self,
        request: pb.TriggerScheduleRequest,
        _context: ServicerContext[pb.TriggerScheduleRequest, pb.TriggerScheduleResponse],
    ) -> pb.TriggerScheduleResponse:
        caller = principal.current()
        instance = await trigger_schedule(
            self._schedules,
            self._store,
            self._orchestrator,
            self._reader,
            caller.tenant,
            request.schedule_id,
            allow_overlap=request.allow_overlap,
            request_id=request.request_id,
            triggered_by=caller.name,
        )
        return pb.TriggerScheduleResponse(instance=instance_to(instance, full=True))

    async def PreviewSchedule(
        self,
        request: pb.PreviewScheduleRequest,
        _context: ServicerContext[pb.PreviewScheduleRequest, pb.PreviewScheduleResponse],
    ) -> pb.PreviewScheduleResponse:
        found = await preview_schedule(
            self._schedules,
            cron=request.cron,
            time_zone=request.time_zone,
            after=_instant(request.after_time, "after_time")
            if request.HasField("after_time")
            else None,
            count=request.count,
        )
        return pb.PreviewScheduleResponse(fire_times=[fire_time_to(one) for one in found])


def _allowed(caller: Principal, wanted: WantedSchedule) -> WantedSchedule:
    """Raises PermissionDenied for a schedule that would end instances in the caller's stead."""
    if wanted.overlap in {"cancel_other", "terminate_other"}:
        caller.require("instance.cancel")
    return wanted


def _instant(message: Timestamp, field: str) -> datetime:
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f"{field} is no time there is", field=field) from error


def _position(token: str, mark: str) -> str | None:
    match read_token(token, of=mark):
        case None:
            return None
        case [str() as schedule_id]:
            return schedule_id
        case _:
            raise invalid_token()
