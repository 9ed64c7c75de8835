"""ExecutorService: the stream of an executor, and its unary twins with the same semantics."""

from collections.abc import AsyncIterator

from foliot.executor.v1 import executor_service_pb2 as pb
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.api.acks import ack_to
from control_plane.api.ai_desk_servicer import AiDeskMethods
from control_plane.api.executor_ports import ExecutorPorts
from control_plane.api.executor_stream import ExecutorStream
from control_plane.api.mapping import outcomes
from control_plane.api.mapping.tasks import claimed_to
from control_plane.api.mapping.times import duration, timestamp
from control_plane.use_cases.claim_tasks import Turns, claim_tasks
from control_plane.use_cases.extend_leases import extend_leases
from control_plane.use_cases.report_outcomes import report_outcomes
from shared.ids import SessionId, parse_uuid
from shared.telemetry.call_names import correlation_id


class ExecutorServicer(AiDeskMethods):
    """What is asked for AI tasks is in ai_desk_servicer.py."""

    def __init__(self, ports: ExecutorPorts) -> None:
        super().__init__(ports.ai)
        self._ports = ports
        self._turns = Turns()

    async def Connect(
        self,
        request_iterator: AsyncIterator[pb.ConnectRequest],
        _context: ServicerContext[pb.ConnectRequest, pb.ConnectResponse],
    ) -> AsyncIterator[pb.ConnectResponse]:
        stream = ExecutorStream(self._ports, request_iterator)
        async for message in stream.run():
            yield message

    async def ClaimTasks(
        self,
        request: pb.ClaimTasksRequest,
        _context: ServicerContext[pb.ClaimTasksRequest, pb.ClaimTasksResponse],
    ) -> pb.ClaimTasksResponse:
        claimed = await claim_tasks(
            self._ports.claims,
            self._turns,
            outcomes.worker_from(request),
            session_id=_session_id(request.session_id),
            max_tasks=request.max_tasks,
            lease=self._ports.lease,
        )
        return pb.ClaimTasksResponse(
            session_id=str(claimed.session_id),
            lease_ttl=duration(self._ports.lease),
            tasks=[claimed_to(one, claimed.expires_at) for one in claimed.tasks],
        )

    async def ReportOutcomes(
        self,
        request: pb.ReportOutcomesRequest,
        _context: ServicerContext[pb.ReportOutcomesRequest, pb.ReportOutcomesResponse],
    ) -> pb.ReportOutcomesResponse:
        told = await report_outcomes(
            self._ports.orchestrator,
            self._ports.ai,
            [outcomes.reported_from(one) for one in request.outcomes],
            by=principal.current(),
        )
        if told.resend is not None:
            # An ack for each or none at all: what is sent again and was applied is a duplicate.
            raise told.resend
        return pb.ReportOutcomesResponse(acks=[ack_to(one, correlation_id()) for one in told.acks])

    async def ExtendLeases(
        self,
        request: pb.ExtendLeasesRequest,
        _context: ServicerContext[pb.ExtendLeasesRequest, pb.ExtendLeasesResponse],
    ) -> pb.ExtendLeasesResponse:
        extended = await extend_leases(
            self._ports.orchestrator,
            self._ports.claims,
            self._ports.reader,
            SessionId(parse_uuid(request.session_id, "session_id")),
            "",
            outcomes.running_from(request.running),
            lease=self._ports.lease,
        )
        return pb.ExtendLeasesResponse(
            lease_expire_time=timestamp(extended.expires_at),
            lost=outcomes.held_to(extended.lost),
            cancelled=outcomes.held_to(extended.cancelled),
        )


def _session_id(text: str) -> SessionId | None:
    return SessionId(parse_uuid(text, "session_id")) if text else None
