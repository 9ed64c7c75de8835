"""A control plane's end of the stream: a real gRPC server that tests tell what to answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import grpc
from foliot.executor.v1 import executor_service_pb2 as pb
from foliot.executor.v1 import outcome_pb2
from foliot.v1 import task_pb2

from shared.json import dump
from shared.tasks import ClaimedTask

SERVICE = pb.DESCRIPTOR.services_by_name["ExecutorService"].full_name

Stream = grpc.aio.ServicerContext[pb.ConnectRequest, pb.ConnectResponse]


class ListeningControlPlane:
    """
    Welcomes executors, writes down what they say, acknowledges outcomes unless told not to.
    """

    def __init__(self) -> None:
        self.address = ""
        self.hellos: list[pb.Hello] = []
        self.credentials: list[str] = []
        self.outcomes: list[outcome_pb2.Outcome] = []
        self.messages: list[pb.ConnectRequest] = []
        self.heartbeat = timedelta(seconds=10)
        self.verdict: Callable[[outcome_pb2.Outcome], outcome_pb2.OutcomeVerdict.ValueType | None]
        self.verdict = lambda _: outcome_pb2.OUTCOME_VERDICT_APPLIED
        self.streams: list[Stream] = []

    @property
    def batches(self) -> list[int]:
        """How many outcomes each message held."""
        return [
            len(message.outcomes.outcomes)
            for message in self.messages
            if message.HasField("outcomes")
        ]

    async def Connect(  # noqa: N802 - gRPC names it
        self, request_iterator: AsyncIterator[pb.ConnectRequest], context: Stream
    ) -> None:
        """One executor's stream."""
        hello = await context.read()
        assert isinstance(hello, pb.ConnectRequest)
        self.hellos.append(hello.hello)
        self.credentials.append(
            str(dict(context.invocation_metadata() or ()).get("authorization", ""))
        )
        welcome = pb.Welcome(session_id=hello.hello.session_id, server_version="0.1.0")
        welcome.heartbeat_interval.FromTimedelta(self.heartbeat)
        await context.write(pb.ConnectResponse(welcome=welcome))
        self.streams.append(context)
        while isinstance(message := await context.read(), pb.ConnectRequest):
            self.messages.append(message)
            if message.HasField("goodbye"):
                return
            await self._answer(message.outcomes.outcomes, context)

    async def tell(self, message: pb.ConnectResponse) -> None:
        """Say something on the newest stream."""
        await self.streams[-1].write(message)

    async def break_off(self) -> None:
        """End the newest stream as a dying server would."""
        # abort() ends its own caller too, by an exception that grpc does not export.
        with contextlib.suppress(Exception):
            await self.streams[-1].abort(grpc.StatusCode.UNAVAILABLE)

    async def _answer(self, outcomes: Iterable[outcome_pb2.Outcome], context: Stream) -> None:
        acks = pb.OutcomeAcks()
        for outcome in outcomes:
            self.outcomes.append(outcome)
            verdict = self.verdict(outcome)
            if verdict is not None:
                acks.acks.add(task_id=outcome.task_id, epoch=outcome.epoch, verdict=verdict)
        if acks.acks:
            await context.write(pb.ConnectResponse(outcome_acks=acks))


@asynccontextmanager
async def listening(
    servicer: ListeningControlPlane, directory: Path
) -> AsyncIterator[ListeningControlPlane]:
    """Serve on a unix socket in the directory; it can be entered again after it ended."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                SERVICE,
                {
                    "Connect": grpc.stream_stream_rpc_method_handler(
                        servicer.Connect,
                        pb.ConnectRequest.FromString,
                        pb.ConnectResponse.SerializeToString,
                    )
                },
            )
        ]
    )
    servicer.address = f"unix:{directory / 'control_plane.sock'}"
    server.add_insecure_port(servicer.address)
    await server.start()
    try:
        yield servicer
    finally:
        await asyncio.shield(server.stop(grace=None))


def assigning(*tasks: ClaimedTask) -> pb.ConnectResponse:
    """The message that assigns tasks."""
    message = pb.ConnectResponse()
    for task in tasks:
        one = message.assign.tasks.add(
            task_id=task.task_id,
            tenant_id=task.tenant_id,
            instance_id=str(task.instance_id),
            definition_key=task.definition_key,
            name=task.name,
            type=task_pb2.TaskType.Value(f"TASK_TYPE_{task.type}"),
            function=task.function or "",
            queue=task.queue,
            attempt=task.attempt,
            max_attempts=task.max_attempts,
            epoch=task.epoch,
            idempotency_key=str(task.idempotency_key),
        )
        one.input.json = dump(task.input)
        one.run_time.FromDatetime(task.run_at)
        if task.timeout is not None:
            one.timeout.FromTimedelta(task.timeout)
    return message
