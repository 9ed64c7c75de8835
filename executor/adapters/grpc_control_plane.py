"""
The control plane over one bidi stream: outcomes up, acknowledgements and instructions
down, and a new stream whenever the old one ends.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
from foliot.executor.v1 import executor_service_pb2 as pb
from foliot.executor.v1 import executor_service_pb2_grpc, outcome_pb2

from executor.adapters.grpc_connection import Connector, Introduction
from executor.adapters.grpc_credits import Credits
from executor.adapters.grpc_messages import (
    held_of,
    outcome_message,
    running_message,
    task_of,
)
from executor.adapters.outbox import Outbox
from executor.ports.control_plane import Held, Instructions, Report, RunningAttempt
from shared.errors import FoliotError, InvalidRequest, Unavailable
from shared.failpoints import failpoint, failpoint_now
from shared.ids import SessionId
from shared.retry import RetryPolicy, backoff
from shared.telemetry.logging import Throttle, get_logger
from shared.telemetry.names import LogEvent

WELCOME_WITHIN_S = 10.0
LINGER_S = 2.0
"""How long a stream we leave may still bring acknowledgements."""

STEADY_AFTER_S = 30.0
"""How long a stream must have lived for its end to be a first failure and not another one."""

MAX_RUNNING_TOLD = 1_000
BEATS_EVERY_S = 0.5
"""How often what attempts say of themselves is sent at most."""

DEFAULT_HEARTBEAT = timedelta(seconds=10)
RETRY = RetryPolicy(initial=timedelta(milliseconds=100), cap=timedelta(seconds=5), jitter=0.5)

_log = get_logger(__name__)

_Call = grpc.aio.StreamStreamCall[pb.ConnectRequest, pb.ConnectResponse]


class GrpcControlPlane:
    """`session_id` tells the session of the moment; when it changes, so does the stream."""

    def __init__(
        self,
        connector: Connector,
        *,
        api_key: str,
        introduction: Introduction,
        session_id: Callable[[], SessionId],
    ) -> None:
        self._connector = connector
        self._address = connector.address
        self._metadata = (("authorization", f"Bearer {api_key}"),) if api_key else ()
        self._introduction = introduction
        self._session_id = session_id
        self._outbox = Outbox()
        self._failures = 0
        self._is_leaving = False
        self._call: _Call | None = None
        self._complaint = Throttle()

    @property
    def room(self) -> int:
        return self._outbox.room

    @property
    def is_connected(self) -> bool:
        return self._call is not None

    def look_again(self) -> None:
        self._outbox.filled.set()

    def report(self, report: Report) -> None:
        self._outbox.keep(report.held, outcome_message(report))

    async def run(self, instructions: Instructions) -> None:
        while not self._is_leaving:
            try:
                async with self._connector.channel() as channel:
                    await self._converse_on(channel, instructions)
            except InvalidRequest as error:
                # Renewed files that would not do; those that come next may.
                await self._rest(error)

    async def _converse_on(self, channel: grpc.aio.Channel, instructions: Instructions) -> None:
        """One stream after the other, until we leave or the certificates were renewed."""
        stub = executor_service_pb2_grpc.ExecutorServiceStub(channel)
        while not (self._is_leaving or self._connector.is_outdated):
            try:
                await self._converse(stub.Connect(metadata=self._metadata), instructions)
            except (grpc.aio.AioRpcError, Unavailable, asyncio.InvalidStateError) as error:
                if self._is_leaving:
                    return
                await self._rest(error)

    async def _rest(self, error: Exception) -> None:
        self._failures += 1
        self._complain(error)
        await asyncio.sleep(backoff(RETRY, self._failures).total_seconds())

    async def flush(self, within: timedelta) -> int:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                await self._outbox.emptied.wait()
        return len(self._outbox)

    async def goodbye(self) -> None:
        self._is_leaving = True
        if self._call is None:
            return
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError, TimeoutError):
            async with asyncio.timeout(LINGER_S):
                await self._call.write(pb.ConnectRequest(goodbye=pb.Goodbye()))

    # --- one stream --------------------------------------------------------------------

    async def _converse(self, call: _Call, instructions: Instructions) -> None:
        """Live through one stream; returns when we leave it, raises when it fails."""
        stream = _Stream(call=call, session_id=self._session_id())
        has_ended = False
        try:
            await self._introduce(stream)
            reading = asyncio.create_task(self._read(stream, instructions))
            writing = asyncio.create_task(self._write(stream, instructions))
            try:
                await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    await reading
                    raise Unavailable("the control plane ended the stream")
                await writing
                await call.done_writing()
                await asyncio.wait({reading}, timeout=LINGER_S)
                if reading.done():
                    await reading
                    has_ended = True
            finally:
                self._call = None
                for task in (reading, writing):
                    task.cancel()
                await asyncio.gather(reading, writing, return_exceptions=True)
        finally:
            call.cancel()
            if time.monotonic() - stream.welcomed_at >= STEADY_AFTER_S:
                self._recover()
            if stream.credits.was_lent and not has_ended and not self._is_leaving:
                # What the control plane assigned last may never have arrived.
                instructions.doubt(stream.session_id)
            # No more comes back with what is under way.
            instructions.settle(())

    async def _introduce(self, stream: "_Stream") -> None:
        await failpoint("executor.hello.before")
        hello = self._introduction.hello(stream.session_id)
        await stream.call.write(pb.ConnectRequest(hello=hello))
        try:
            async with asyncio.timeout(WELCOME_WITHIN_S):
                answer = await stream.read()
        except TimeoutError:
            raise Unavailable(f"no welcome within {WELCOME_WITHIN_S:g} s") from None
        if answer is None or not answer.HasField("welcome"):
            raise Unavailable("the stream did not begin with a welcome")
        if answer.welcome.HasField("heartbeat_interval"):
            stream.heartbeat = answer.welcome.heartbeat_interval.ToTimedelta()
        await failpoint("executor.hello.after")
        self._call = stream.call
        stream.welcomed_at = time.monotonic()
        _log.info(
            LogEvent.CONTROL_PLANE_CONNECTED,
            address=self._address,
            server_version=answer.welcome.server_version,
            resent=self._outbox.rewind(),
        )

    async def _write(self, stream: "_Stream", instructions: Instructions) -> None:
        next_beat = time.monotonic() + stream.heartbeat.total_seconds()
        next_word = 0.0
        while stream.session_id == self._session_id() and time.monotonic() < stream.leave_at:
            batch = self._outbox.next_batch()
            lent = stream.credits.now(instructions)
            if batch:
                outcomes = pb.Outcomes(outcomes=batch, credits=lent)
                await failpoint("executor.send.before")
                await stream.call.write(pb.ConnectRequest(outcomes=outcomes))
                await failpoint("executor.send.after")
            elif lent is not None:
                await stream.call.write(pb.ConnectRequest(credits=lent))
            if instructions.has_beats and time.monotonic() >= next_word:
                next_word = time.monotonic() + BEATS_EVERY_S
                await self._tell(stream, instructions.beats())
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + stream.heartbeat.total_seconds()
                await self._beat(stream, instructions)
            if not self._outbox.filled.is_set():
                word = next_word if instructions.has_beats else next_beat
                await self._idle(min(next_beat, word, stream.leave_at))

    async def _idle(self, until: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await self._outbox.filled.wait()

    async def _beat(self, stream: "_Stream", instructions: Instructions) -> None:
        """Tell of attempts that go on for long; the session itself is extended in the database."""
        await self._tell(stream, instructions.running(stream.heartbeat))

    async def _tell(self, stream: "_Stream", running: Sequence[RunningAttempt]) -> None:
        for start in range(0, len(running), MAX_RUNNING_TOLD):
            some = running[start : start + MAX_RUNNING_TOLD]
            beat = pb.Heartbeat(running=[running_message(attempt) for attempt in some])
            await stream.call.write(pb.ConnectRequest(heartbeat=beat))

    async def _read(self, stream: "_Stream", instructions: Instructions) -> None:
        while (message := await stream.read()) is not None:
            await failpoint("executor.receive.after")
            match message.WhichOneof("message"):
                case "outcome_acks":
                    self._recover()
                    if message.outcome_acks.HasField("assign"):
                        self._assign(stream, message.outcome_acks.assign, instructions)
                    instructions.settle(
                        [self._acknowledge(ack) for ack in message.outcome_acks.acks]
                    )
                case "assign":
                    self._assign(stream, message.assign, instructions)
                case "cancel_attempt":
                    instructions.cancel([held_of(one) for one in message.cancel_attempt.tasks])
                case "lease_lost":
                    instructions.lose([held_of(one) for one in message.lease_lost.tasks])
                case "drain":
                    self._leave(stream, message.drain.reconnect_within.ToTimedelta())
                case _:
                    # From a newer control plane; what it needs us to know is in the protocol.
                    pass

    def _acknowledge(self, ack: outcome_pb2.OutcomeAck) -> Held:
        held = Held(ack.task_id, ack.epoch)
        self._outbox.acknowledge(held)
        if ack.verdict == outcome_pb2.OUTCOME_VERDICT_REFUSED:
            _log.error(
                LogEvent.OUTCOME_REFUSED,
                task_id=ack.task_id,
                epoch=ack.epoch,
                error=ack.error.message,
            )
        elif ack.verdict == outcome_pb2.OUTCOME_VERDICT_LEASE_LOST:
            _log.info(LogEvent.OUTCOME_LEASE_LOST, task_id=ack.task_id, epoch=ack.epoch)
        return held

    def _assign(self, stream: "_Stream", assign: pb.Assign, instructions: Instructions) -> None:
        failpoint_now("executor.assign.before")
        try:
            tasks = [task_of(message) for message in assign.tasks]
        except (FoliotError, ValueError) as error:
            raise Unavailable(f"an assigned task cannot be understood: {error}") from error
        stream.credits.use(len(tasks))
        instructions.assign(stream.session_id, tasks)

    def _leave(self, stream: "_Stream", within: timedelta) -> None:
        # At a random moment, so that not all executors come to the next one at once.
        seconds = within.total_seconds()
        stream.leave_at = time.monotonic() + random.uniform(0, seconds)  # noqa: S311
        self._outbox.filled.set()
        _log.info(LogEvent.CONTROL_PLANE_DRAINING, address=self._address, within_s=seconds)

    def _recover(self) -> None:
        """The control plane works, which a welcome alone does not show."""
        self._failures = 0
        self._complaint.reset()

    def _complain(self, error: Exception) -> None:
        if self._complaint.allows():
            code, text = "", str(error)
            if isinstance(error, grpc.aio.AioRpcError):
                code, text = error.code().name, error.details() or ""
            _log.warning(
                LogEvent.CONTROL_PLANE_UNAVAILABLE,
                address=self._address,
                encrypted=self._connector.is_encrypted,
                code=code,
                error=text,
            )


@dataclass(slots=True, kw_only=True, eq=False)
class _Stream:
    """One stream, and what was agreed on it."""

    call: _Call
    session_id: SessionId
    heartbeat: timedelta = DEFAULT_HEARTBEAT
    welcomed_at: float = float("inf")
    leave_at: float = float("inf")
    credits: Credits = field(default_factory=Credits)

    async def read(self) -> pb.ConnectResponse | None:
        """The next message, None at the end."""
        message = await self.call.read()
        return message if isinstance(message, pb.ConnectResponse) else None
