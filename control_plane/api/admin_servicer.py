"""AdminService: about the server, and about the caller."""

from foliot.v1 import admin_service_pb2 as pb
from foliot.v1 import admin_service_pb2_grpc as pb_grpc
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.api.mapping.tasks import type_to
from control_plane.api.mapping.times import timestamp
from control_plane.use_cases.offers import TASK_TYPES
from shared.clock import Clock


class AdminServicer(pb_grpc.AdminServiceServicer):
    def __init__(self, clock: Clock, version: str) -> None:
        self._clock = clock
        self._version = version

    async def GetServerInfo(
        self,
        _request: pb.GetServerInfoRequest,
        _context: ServicerContext[pb.GetServerInfoRequest, pb.GetServerInfoResponse],
    ) -> pb.GetServerInfoResponse:
        return pb.GetServerInfoResponse(
            version=self._version,
            task_types=[type_to(one) for one in TASK_TYPES],
            server_time=timestamp(self._clock.now()),
        )

    async def WhoAmI(
        self,
        _request: pb.WhoAmIRequest,
        _context: ServicerContext[pb.WhoAmIRequest, pb.WhoAmIResponse],
    ) -> pb.WhoAmIResponse:
        caller = principal.current()
        return pb.WhoAmIResponse(
            principal=caller.name,
            tenant_id=caller.tenant_id or "",
            permissions=sorted(caller.permissions),
            expire_time=timestamp(caller.expires_at),
        )
