"""
One executor's stream: what comes up is worked on as it comes, what goes down is gathered.

    hello → welcome
    outcomes → outcome_acks     several batches at once; acks of what is done go in one message,
                                with the tasks that are assigned
    credits → assign            whenever a turn has a task that this executor serves
    heartbeat → lease_lost, cancel_attempt, if there is anything to stop; cancel_attempt comes
                                by itself too, as soon as a turn has called an attempt off
    goodbye                     the session ends when what was sent before is acknowledged

Outcomes that meet an error that will pass get no ack: the stream ends with that error, and
the executor sends them again on its next one. A stream that the executor ends has brought
every task that was assigned on it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

from foliot.executor.v1 import executor_service_pb2 as pb
from foliot.executor.v1 import outcome_pb2

from control_plane.access import principal
from control_plane.api.acks import ack_to
from control_plane.api.admission import draining_now
from control_plane.api.executor_ports import ExecutorPorts
from control_plane.api.mapping import outcomes
from control_plane.api.mapping.tasks import handed_to
from control_plane.api.mapping.times import duration
from control_plane.orchestrator import Hand, HandedOut
from control_plane.ports.claims import HeldTask
from control_plane.use_cases.executor_session import (
    HEARTBEATS_PER_LEASE,
    MAX_HELD,
    Session,
    check_worker,
    open_session,
)
from control_plane.use_cases.extend_leases import extend_leases
from control_plane.use_cases.report_outcomes import report_outcomes
from shared.errors import InvalidRequest, Unavailable
from shared.failpoints import failpoint, failpoint_now
from shared.ids import SessionId, parse_uuid
from shared.rpc import MAX_OUTCOMES
from shared.telemetry.call_names import correlation_id

MAX_BATCHES = 8
"""Batches of one executor under way at once; the next waits in HTTP/2's window."""


class ExecutorStream:
    def __init__(self, ports: ExecutorPorts, incoming: AsyncIterator[pb.ConnectRequest]) -> None:
        self._ports = ports
        self._incoming = incoming
        self._name = ""
        self._said_goodbye = False
        self._batches = asyncio.Semaphore(MAX_BATCHES)
        self._acks: list[outcome_pb2.OutcomeAck] = []
        self._assigned: list[HandedOut] = []
        self._is_in_doubt = asyncio.Event()
        self._others: list[pb.ConnectResponse] = []
        self._something = asyncio.Event()

    async def run(self) -> AsyncIterator[pb.ConnectResponse]:
        """What to send down, until the executor or this server leaves."""
        session, hand = await self._hello()
        await failpoint("stream.hello.after")
        yield pb.ConnectResponse(welcome=self._welcome(session))
        self._ports.hands.join(hand)
        work = asyncio.create_task(self._work(hand))
        work.add_done_callback(lambda _: self._something.set())
        try:
            while not work.done() or self._acks or self._assigned or self._others:
                await self._something.wait()
                self._something.clear()
                for message in self._gathered():
                    await failpoint("stream.send.before")
                    yield message
            await work
        finally:
            self._ports.hands.drop(hand)
            work.cancel()
            await asyncio.wait((work,))

    async def _hello(self) -> tuple[Session, Hand]:
        first = await anext(self._incoming, None)
        if first is None or first.WhichOneof("message") != "hello":
            raise InvalidRequest("the first message must be hello", field="hello")
        hello = first.hello
        asked = hello.session_id
        session_id = SessionId(parse_uuid(asked, "hello.session_id")) if asked else None
        worker = outcomes.worker_from(hello, "hello.")
        self._name = worker.name
        session = await open_session(self._ports.claims, worker, session_id, self._ports.lease)
        hand = Hand(
            session_id=session.session_id,
            queues=frozenset(check_worker(worker)),
            types=frozenset(worker.types),
            deliver=self._assign,
            give_up=self._is_in_doubt.set,
            recall=self._recall,
        )
        _lend(hand, hello.credits)
        return session, hand

    def _welcome(self, session: Session) -> pb.Welcome:
        return pb.Welcome(
            session_id=str(session.session_id),
            lease_ttl=duration(self._ports.lease),
            heartbeat_interval=duration(self._ports.lease / HEARTBEATS_PER_LEASE),
            max_in_flight=MAX_HELD,
            server_version=self._ports.version,
        )

    async def _work(self, hand: Hand) -> None:
        """Take in messages until there are no more. Raises the first error that ends the stream."""
        try:
            async with asyncio.TaskGroup() as group:
                endings = [
                    group.create_task(self._tell_of_draining(hand)),
                    group.create_task(self._break_off()),
                ]
                async for message in self._incoming:
                    if not await self._take(group, hand, message):
                        break
                self._ports.hands.leave(hand)
                await hand.settled.wait()
                for ending in endings:
                    ending.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        if self._said_goodbye:
            await self._ports.claims.close(hand.session_id)

    async def _take(self, group: asyncio.TaskGroup, hand: Hand, message: pb.ConnectRequest) -> bool:
        """Whether to go on after it."""
        await failpoint("stream.receive.after")
        match message.WhichOneof("message"):
            case "outcomes":
                if message.outcomes.HasField("credits"):
                    _lend(hand, message.outcomes.credits)
                await self._batches.acquire()
                group.create_task(self._report(hand, message.outcomes.outcomes))
            case "heartbeat":
                await self._heartbeat(hand.session_id, message.heartbeat)
            case "credits":
                _lend(hand, message.credits)
            case "goodbye":
                self._said_goodbye = True
                return False
            case "hello":
                raise InvalidRequest("hello comes once, as the first message", field="hello")
            case _:
                raise InvalidRequest("message is required", field="message")
        return True

    async def _report(self, hand: Hand, sent: Sequence[outcome_pb2.Outcome]) -> None:
        try:
            told = await report_outcomes(
                self._ports.orchestrator,
                self._ports.ai,
                [outcomes.reported_from(one) for one in sent],
                hand.session_id,
                by=principal.current(),
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
            within="heartbeat.",
        )
        if extended.lost:
            lost = pb.LeaseLost(tasks=outcomes.held_to(extended.lost))
            self._send(pb.ConnectResponse(lease_lost=lost))
        if extended.cancelled:
            unwanted = pb.CancelAttempt(tasks=outcomes.held_to(extended.cancelled))
            self._send(pb.ConnectResponse(cancel_attempt=unwanted))

    async def _tell_of_draining(self, hand: Hand) -> None:
        await self._ports.admission.draining.wait()
        self._ports.hands.leave(hand)
        drain = pb.Drain(reconnect_within=duration(self._ports.drain))
        self._send(pb.ConnectResponse(drain=drain))
        await asyncio.sleep(self._ports.drain.total_seconds())
        raise draining_now()

    async def _break_off(self) -> None:
        await self._is_in_doubt.wait()
        raise Unavailable(
            "it is not known whether tasks were assigned to this session; go on with a new one",
            reason="OUTCOME_UNKNOWN",
        )

    def _recall(self, held: Sequence[HeldTask]) -> None:
        unwanted = pb.CancelAttempt(tasks=outcomes.recalled_to(held))
        self._send(pb.ConnectResponse(cancel_attempt=unwanted))

    def _assign(self, tasks: Sequence[HandedOut]) -> None:
        failpoint_now("stream.assign.before")
        self._assigned.extend(tasks)
        self._something.set()

    def _send(self, message: pb.ConnectResponse) -> None:
        self._others.append(message)
        self._something.set()

    def _gathered(self) -> list[pb.ConnectResponse]:
        """
        Everything there is to send now, acks and tasks in as few messages as they fit in. Tasks
        go first: the others may call one of them off.
        """
        messages: list[pb.ConnectResponse] = []
        others, self._others = self._others, []
        acks, self._acks = self._acks, []
        assigned, self._assigned = self._assigned, []
        for start in range(0, max(len(acks), len(assigned)), MAX_OUTCOMES):
            tasks = [handed_to(one) for one in assigned[start : start + MAX_OUTCOMES]]
            assign = pb.Assign(tasks=tasks) if tasks else None
            some = acks[start : start + MAX_OUTCOMES]
            if some:
                both = pb.OutcomeAcks(acks=some, assign=assign)
                messages.append(pb.ConnectResponse(outcome_acks=both))
            else:
                messages.append(pb.ConnectResponse(assign=assign))
        return messages + others


def _lend(hand: Hand, lent: pb.Credits) -> None:
    if lent.limit < 0:
        raise InvalidRequest(f"credits.limit {lent.limit} is negative", field="credits.limit")
    hand.limit = min(lent.limit, hand.given + MAX_HELD)
    hand.has_backlog = lent.has_backlog


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
