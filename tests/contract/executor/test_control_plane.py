"""What every way home promises, kept by the one in memory and the one over gRPC."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from foliot.executor.v1 import executor_service_pb2 as pb

from executor.adapters.grpc_connection import Connector, Introduction
from executor.adapters.grpc_control_plane import GrpcControlPlane
from executor.adapters.memory_control_plane import MemoryControlPlane
from executor.ports.control_plane import (
    MAX_UNACKNOWLEDGED,
    ControlPlane,
    Held,
    Report,
    RunningAttempt,
)
from shared.ids import SessionId, new_uuid7
from shared.json import dump
from shared.tasks import ClaimedTask, Failure, Outcome, TaskType
from shared.tls import ClientTls
from tests.executor.eventually import eventually
from tests.executor.listening import ListeningControlPlane, assigning, listening
from tests.executor.work import NOON, a_task

OURS = SessionId(new_uuid7())
SOON = timedelta(seconds=10)


@dataclass
class Heard:
    """An executor that writes down its instructions."""

    assigned: list[tuple[SessionId, ClaimedTask]] = field(default_factory=list)
    cancelled: list[Held] = field(default_factory=list)
    lost: list[Held] = field(default_factory=list)
    doubted: list[SessionId] = field(default_factory=list)
    settled: list[Held] = field(default_factory=list)
    on_settle: Callable[[], None] = lambda: None
    going_on: list[RunningAttempt] = field(default_factory=list)
    free: int = 0
    has_backlog: bool = False
    said: list[RunningAttempt] = field(default_factory=list)

    @property
    def has_beats(self) -> bool:
        """Whether the test says so."""
        return bool(self.said)

    def beats(self) -> Sequence[RunningAttempt]:
        """What the test says, once."""
        said, self.said = self.said, []
        return said

    def assign(self, session_id: SessionId, tasks: Sequence[ClaimedTask]) -> None:
        """Note it."""
        self.assigned += [(session_id, task) for task in tasks]

    def cancel(self, held: Sequence[Held]) -> None:
        """Note it."""
        self.cancelled += held

    def lose(self, held: Sequence[Held]) -> None:
        """Note it."""
        self.lost += held

    def settle(self, held: Sequence[Held]) -> None:
        """Note it."""
        self.settled += held
        if held:
            self.on_settle()

    def doubt(self, session_id: SessionId) -> None:
        """Note it."""
        self.doubted.append(session_id)

    def running(self, longer_than: timedelta) -> Sequence[RunningAttempt]:
        """What the test says."""
        return self.going_on


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A control plane as the executor sees it, and its other side."""

    control_plane: ControlPlane
    heard: Heard
    received: Callable[[], list[tuple[Held, str]]]
    silence: Callable[[], None]
    assign: Callable[[ClaimedTask], Awaitable[None]]
    cancel: Callable[[Held], Awaitable[None]]
    lose: Callable[[Held], Awaitable[None]]


def a_report(ordinal: int = 1, outcome: Outcome | None = None) -> Report:
    """A report of an attempt."""
    ended = outcome or Outcome.succeeded({"n": ordinal})
    task = a_task(ordinal=ordinal)
    return Report(
        tenant_id=task.tenant_id,
        held=Held.of(task),
        outcome=ended,
        output=dump(ended.output),
        started_at=NOON,
        duration=timedelta(milliseconds=5),
    )


def in_memory(heard: Heard) -> tuple[Subject, ControlPlane]:
    """The one in memory."""
    memory = MemoryControlPlane()

    def silence() -> None:
        memory.is_silent = True

    subject = Subject(
        control_plane=memory,
        heard=heard,
        received=lambda: [(one.held, one.outcome.state) for one in memory.received],
        silence=silence,
        assign=lambda task: memory.assign(OURS, [task]),
        cancel=lambda held: memory.cancel([held]),
        lose=lambda held: memory.lose([held]),
    )
    return subject, memory


def over_grpc(far: ListeningControlPlane, heard: Heard) -> tuple[Subject, ControlPlane]:
    """The one over gRPC."""
    near = GrpcControlPlane(
        Connector(far.address, ClientTls()),
        api_key="secret",
        introduction=Introduction(name="test", queues=["default"], types=[TaskType.SYSTEM]),
        session_id=lambda: OURS,
    )

    def silence() -> None:
        far.verdict = lambda _: None

    async def cancel(held: Held) -> None:
        message = pb.ConnectResponse()
        message.cancel_attempt.tasks.add(task_id=held.task_id, epoch=held.epoch)
        await far.tell(message)

    async def lose(held: Held) -> None:
        message = pb.ConnectResponse()
        message.lease_lost.tasks.add(task_id=held.task_id, epoch=held.epoch)
        await far.tell(message)

    subject = Subject(
        control_plane=near,
        heard=heard,
        received=lambda: [
            (Held(one.task_id, one.epoch), str(one.WhichOneof("result"))) for one in far.outcomes
        ],
        silence=silence,
        assign=lambda task: far.tell(assigning(task)),
        cancel=cancel,
        lose=lose,
    )
    return subject, near


@pytest.fixture(params=["memory", "grpc"])
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    """Each way home in turn, connected."""
    heard = Heard()
    async with listening(ListeningControlPlane(), tmp_path) as far:
        it, running = in_memory(heard) if request.param == "memory" else over_grpc(far, heard)
        connection = asyncio.ensure_future(running.run(heard))
        if request.param == "grpc":
            await eventually(lambda: far.streams)
        yield it
        connection.cancel()
        await asyncio.wait([connection])


class TestAReport:
    @pytest.mark.parametrize(
        "outcome",
        [
            Outcome.succeeded(1),
            Outcome.failed(Failure(kind="k", message="m", details={"a": 1}, retry_after=SOON)),
            Outcome.awaiting(),
            Outcome.cancelled(),
        ],
        ids=lambda outcome: outcome.state,
    )
    async def test_arrives(self, subject: Subject, outcome: Outcome) -> None:
        """However the attempt ended."""
        report = a_report(outcome=outcome)
        subject.control_plane.report(report)
        await eventually(subject.received)

        assert [(report.held, outcome.state)] == subject.received()

    async def test_takes_room_until_it_is_acknowledged(self, subject: Subject) -> None:
        """Whoever claims must stop before there is none."""
        before = subject.control_plane.room
        subject.silence()
        subject.control_plane.report(a_report())

        assert (MAX_UNACKNOWLEDGED, MAX_UNACKNOWLEDGED - 1) == (before, subject.control_plane.room)

    async def test_makes_room_when_it_is_acknowledged(self, subject: Subject) -> None:
        """And only then is it forgotten."""
        for ordinal in range(1, 500):
            subject.control_plane.report(a_report(ordinal))
        unacknowledged = await subject.control_plane.flush(SOON)

        assert (0, MAX_UNACKNOWLEDGED, 499) == (
            unacknowledged,
            subject.control_plane.room,
            len(subject.received()),
        )

    async def test_is_told_of_when_it_is_acknowledged(self, subject: Subject) -> None:
        """Whoever made it keeps room for what may come back with the acknowledgement."""
        report = a_report()
        await eventually(lambda: subject.control_plane.is_connected)
        subject.control_plane.report(report)
        await eventually(lambda: subject.heard.settled)

        assert [report.held] == subject.heard.settled

    async def test_that_nobody_acknowledges_is_counted_by_a_flush(self, subject: Subject) -> None:
        """An executor that ends tells what it leaves undone."""
        subject.silence()
        subject.control_plane.report(a_report())
        unacknowledged = await subject.control_plane.flush(timedelta(seconds=0.05))

        assert 1 == unacknowledged


class TestAnInstruction:
    async def test_to_take_a_task_arrives_with_all_of_it(self, subject: Subject) -> None:
        """What an assigned task says is what a claimed one would."""
        task = a_task(input={"a": [1]}, timeout=timedelta(seconds=3), epoch=7)
        await subject.assign(task)
        await eventually(lambda: subject.heard.assigned)

        assert [(OURS, task)] == subject.heard.assigned

    async def test_to_stop_an_attempt_arrives(self, subject: Subject) -> None:
        """Because it is not needed any more."""
        await subject.cancel(Held("a:1", 3))
        await eventually(lambda: subject.heard.cancelled)

        assert [Held("a:1", 3)] == subject.heard.cancelled

    async def test_that_a_task_is_somebody_elses_arrives(self, subject: Subject) -> None:
        """Because the lease was lost."""
        await subject.lose(Held("a:1", 3))
        await eventually(lambda: subject.heard.lost)

        assert [Held("a:1", 3)] == subject.heard.lost
