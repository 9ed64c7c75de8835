"""
One executor's stream: what comes up is worked on as it comes, what goes down is gathered.

    hello → welcome
    outcomes → outcome_acks     several batches at once; acks of what is done go in one message
    heartbeat → lease_lost, cancel_attempt, if there is anything to stop
    credits                     counted
    goodbye                     the session ends when what was sent before is acknowledged

Outcomes that meet an error that will pass get no ack: the stream ends with that error, and
the executor sends them again on its next one.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

from foliot.executor.v1 import executor_service_pb2 as pb
from foliot.executor.v1 import outcome_pb2

from control_plane.api.acks import ack_to
from control_plane.api.admission import draining_now
from control_plane.api.call_metadata import correlation_id
from control_plane.api.executor_ports import ExecutorPorts
from control_plane.api.mapping import outcomes
from control_plane.api.mapping.times import duration
from control_plane.use_cases.executor_session import (
    HEARTBEATS_PER_LEASE,
    MAX_HELD,
    Session,
    open_session,
)
from control_plane.use_cases.extend_leases import extend_leases
from control_plane.use_cases.report_outcomes import report_outcomes
from shared.errors import InvalidRequest
from shared.failpoints import failpoint
from shared.ids import SessionId, parse_uuid
from shared.rpc import MAX_OUTCOMES

MAX_BATCHES = 8
"""Batches of one executor under way at once; the next waits in HTTP/2's window."""

MAX_CREDITS = 10 * MAX_HELD


class ExecutorStream:
    """`credits` are how many tasks its executor still lets itself be assigned."""

    def __init__(self, ports: ExecutorPorts, incoming: AsyncIterator[pb.ConnectRequest]) -> None:
        self.credits = 0
        self._ports = ports
        self._incoming = incoming
        self._name = ""
        self._said_goodbye = False
        self._batches = asyncio.Semaphore(MAX_BATCHES)
        self._acks: list[outcome_pb2.OutcomeAck] = []
        self._others: list[pb.ConnectResponse] = []
        self._something = asyncio.Event()

    async def run(self) -> AsyncIterator[pb.ConnectResponse]:
        """What to send down, until the executor or this server leaves."""
        session = await self._hello()
        await failpoint("stream.hello.after")
        yield pb.ConnectResponse(welcome=self._welcome(session))
        work = asyncio.create_task(self._work(session.session_id))
        work.add_done_callback(lambda _: self._something.set())
        try:
            while not work.done() or self._acks or self._others:
                await self._something.wait()
                self._something.clear()
                for message in self._gathered():
                    await failpoint("stream.send.before")
                    yield message
            await work
        finally:
            work.cancel()
            await asyncio.wait((work,))

    async def _hello(self) -> Session:
        first = await anext(self._incoming, None)
        if first is None or first.WhichOneof("message") != "hello":
            raise InvalidRequest("the first message must be hello", field="message")
        hello = first.hello
        asked = hello.session_id
        session_id = SessionId(parse_uuid(asked, "hello.session_id")) if asked else None
        worker = outcomes.worker_from(hello)
        self._name = worker.name
        self._add_credits(hello.credits)
        return await open_session(self._ports.claims, worker, session_id, self._ports.lease)

    def _welcome(self, session: Session) -> pb.Welcome:
        return pb.Welcome(
            session_id=str(session.session_id),
            lease_ttl=duration(self._ports.lease),
            heartbeat_interval=duration(self._ports.lease / HEARTBEATS_PER_LEASE),
            max_in_flight=MAX_HELD,
            server_version=self._ports.version,
        )

    async def _work(self, session_id: SessionId) -> None:
        """Take in messages until there are no more. Raises the first error that ends the stream."""
        try:
            async with asyncio.TaskGroup() as group:
                draining = group.create_task(self._tell_of_draining())
                async for message in self._incoming:
                    if not await self._take(group, session_id, message):
                        break
                draining.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        if self._said_goodbye:
            await self._ports.claims.close(session_id)

    async def _take(
        self, group: asyncio.TaskGroup, session_id: SessionId, message: pb.ConnectRequest
    ) -> bool:
        """Whether to go on after it."""
        await failpoint("stream.receive.after")
        match message.WhichOneof("message"):
            case "outcomes":
                self._add_credits(message.outcomes.credits)
                await self._batches.acquire()
                group.create_task(self._report(message.outcomes.outcomes))
            case "heartbeat":
                await self._heartbeat(session_id, message.heartbeat)
            case "credits":
                self._add_credits(message.credits.credits)
            case "goodbye":
                self._said_goodbye = True
                return False
            case "hello":
                raise InvalidRequest("hello comes once, as the first message", field="message")
            case _:
                raise InvalidRequest("message is required", field="message")
        return True

    async def _report(self, sent: Sequence[outcome_pb2.Outcome]) -> None:
        try:
            told = await report_outcomes(
                self._ports.orchestrator,
                [outcomes.reported_from(one) for one in sent],
            )
        finally:
            self._batches.release()
        await failpoint("stream.report.after")
        name = correlation_id()
        self._acks.extend(ack_to(one, name) for one in told.acks)
        self._something.set()
        if told.resend is not None:
            raise told.resend

    async def _heartbeat(self, session_id: SessionId, heartbeat: pb.Heartbeat) -> None:
        extended = await extend_leases(
            self._ports.orchestrator,
            self._ports.claims,
            self._ports.reader,
            session_id,
            self._name,
            outcomes.running_from(heartbeat.running),
            lease=self._ports.lease,
        )
        if extended.lost:
            lost = pb.LeaseLost(tasks=outcomes.held_to(extended.lost))
            self._send(pb.ConnectResponse(lease_lost=lost))
        if extended.cancelled:
            unwanted = pb.CancelAttempt(tasks=outcomes.held_to(extended.cancelled))
            self._send(pb.ConnectResponse(cancel_attempt=unwanted))

    async def _tell_of_draining(self) -> None:
        await self._ports.admission.draining.wait()
        drain = pb.Drain(reconnect_within=duration(self._ports.drain))
        self._send(pb.ConnectResponse(drain=drain))
        await asyncio.sleep(self._ports.drain.total_seconds())
        raise draining_now()

    def _send(self, message: pb.ConnectResponse) -> None:
        self._others.append(message)
        self._something.set()

    def _gathered(self) -> list[pb.ConnectResponse]:
        """Everything there is to send now, the acks in as few messages as they fit in."""
        messages, self._others = self._others, []
        acks, self._acks = self._acks, []
        for start in range(0, len(acks), MAX_OUTCOMES):
            part = pb.OutcomeAcks(acks=acks[start : start + MAX_OUTCOMES])
            messages.append(pb.ConnectResponse(outcome_acks=part))
        return messages

    def _add_credits(self, more: int) -> None:
        if more < 0:
            raise InvalidRequest(f"credits {more} is negative", field="credits")
        self.credits = min(self.credits + more, MAX_CREDITS)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
