"""The generated stubs work with grpc.aio, and their types fit: mypy reads this file strictly."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
from foliot.executor.v1 import executor_service_pb2 as executor_pb
from foliot.executor.v1 import outcome_pb2
from foliot.executor.v1.executor_service_pb2_grpc import (
    ExecutorServiceServicer,
    ExecutorServiceStub,
    add_ExecutorServiceServicer_to_server,
)
from foliot.v1 import admin_service_pb2 as admin_pb
from foliot.v1.admin_service_pb2_grpc import (
    AdminServiceServicer,
    AdminServiceStub,
    add_AdminServiceServicer_to_server,
)


class Admin(AdminServiceServicer):
    async def GetServerInfo(  # noqa: N802 -- gRPC names its methods
        self,
        request: admin_pb.GetServerInfoRequest,
        context: grpc.aio.ServicerContext[
            admin_pb.GetServerInfoRequest, admin_pb.GetServerInfoResponse
        ],
    ) -> admin_pb.GetServerInfoResponse:
        return admin_pb.GetServerInfoResponse(version="0.0.1")

    async def WhoAmI(  # noqa: N802 -- gRPC names its methods
        self,
        request: admin_pb.WhoAmIRequest,
        context: grpc.aio.ServicerContext[admin_pb.WhoAmIRequest, admin_pb.WhoAmIResponse],
    ) -> admin_pb.WhoAmIResponse:
        return admin_pb.WhoAmIResponse(principal="ada", permissions=["task.read"])


class Executor(ExecutorServiceServicer):
    """Acknowledges whatever comes in, each batch by one message."""

    async def Connect(  # noqa: N802 -- gRPC names its methods
        self,
        request_iterator: AsyncIterator[executor_pb.ConnectRequest],
        context: grpc.aio.ServicerContext[executor_pb.ConnectRequest, executor_pb.ConnectResponse],
    ) -> AsyncIterator[executor_pb.ConnectResponse]:
        async for request in request_iterator:
            acks = [
                outcome_pb2.OutcomeAck(
                    task_id=outcome.task_id,
                    epoch=outcome.epoch,
                    verdict=outcome_pb2.OUTCOME_VERDICT_APPLIED,
                )
                for outcome in request.outcomes.outcomes
            ]
            yield executor_pb.ConnectResponse(outcome_acks=executor_pb.OutcomeAcks(acks=acks))


class TestTheStubsAndServicers:
    async def test_carry_a_unary_call(self, tmp_path: Path) -> None:
        """A client and a server made of the generated code understand each other."""
        server = grpc.aio.server()
        add_AdminServiceServicer_to_server(Admin(), server)  # type: ignore[abstract]  # two will do
        address = f"unix:{tmp_path}/s"
        server.add_insecure_port(address)
        await server.start()
        try:
            async with grpc.aio.insecure_channel(address) as channel:
                answer = await AdminServiceStub(channel).WhoAmI(admin_pb.WhoAmIRequest(), timeout=5)
        finally:
            await server.stop(None)

        assert admin_pb.WhoAmIResponse(principal="ada", permissions=["task.read"]) == answer

    async def test_carry_batches_both_ways_on_a_stream(self, tmp_path: Path) -> None:
        """A hundred outcomes go up in one message and come back acknowledged in one."""
        server = grpc.aio.server()
        add_ExecutorServiceServicer_to_server(Executor(), server)  # type: ignore[abstract]  # likewise
        address = f"unix:{tmp_path}/s"
        server.add_insecure_port(address)
        await server.start()
        outcomes = [
            outcome_pb2.Outcome(
                task_id=f"i:{ordinal}", epoch=1, succeeded=outcome_pb2.Outcome.Succeeded()
            )
            for ordinal in range(100)
        ]

        async def up() -> AsyncIterator[executor_pb.ConnectRequest]:
            yield executor_pb.ConnectRequest(outcomes=executor_pb.Outcomes(outcomes=outcomes))

        try:
            async with grpc.aio.insecure_channel(address) as channel:
                stream = ExecutorServiceStub(channel).Connect(up(), timeout=5)
                acknowledged = [
                    [ack.task_id for ack in response.outcome_acks.acks] async for response in stream
                ]
        finally:
            await server.stop(None)

        assert [[outcome.task_id for outcome in outcomes]] == acknowledged
