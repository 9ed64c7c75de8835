"""The stream to the control plane: batches, resending, reconnecting, credits, heartbeats."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from foliot.executor.v1 import executor_service_pb2 as pb
from foliot.executor.v1 import outcome_pb2
from foliot.v1 import task_pb2

from executor.adapters.grpc_connection import Connector, Introduction
from executor.adapters.grpc_control_plane import GrpcControlPlane
from executor.adapters.outbox import MAX_BATCH, MAX_BATCH_BYTES, Outbox
from executor.ports.control_plane import Held, RunningAttempt
from shared.ids import SessionId, TenantId, new_uuid7
from shared.retry import RetryPolicy
from shared.tasks import TaskType
from shared.tls import ClientTls
from tests.contract.executor.test_control_plane import Heard, a_report
from tests.executor.eventually import eventually
from tests.executor.listening import ListeningControlPlane, assigning, listening
from tests.executor.work import NOON, a_task

SOON = timedelta(seconds=10)


class Near:
    """An executor's end, running; its session can be changed."""

    def __init__(self, address: str) -> None:
        self.session_id = SessionId(new_uuid7())
        self.heard = Heard()
        self.control_plane = GrpcControlPlane(
            Connector(address, ClientTls()),
            api_key="secret",
            introduction=Introduction(
                name="test",
                queues=["default", "gpu"],
                types=[TaskType.HUMAN, TaskType.SYSTEM],
            ),
            session_id=lambda: self.session_id,
        )

    def report(self, *ordinals: int) -> None:
        """Report attempts."""
        for ordinal in ordinals:
            self.control_plane.report(a_report(ordinal))


@asynccontextmanager
async def near(far: ListeningControlPlane) -> AsyncIterator[Near]:
    """An executor's end, for as long as the block."""
    it = Near(far.address)
    running = asyncio.ensure_future(it.control_plane.run(it.heard))
    try:
        yield it
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.fixture
async def far(tmp_path: Path) -> AsyncIterator[ListeningControlPlane]:
    """A control plane that acknowledges everything."""
    async with listening(ListeningControlPlane(), tmp_path) as serving:
        yield serving


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The failures in a row before each wait for a new stream; the waits themselves are none."""
    counted: list[int] = []

    def no_wait(policy: RetryPolicy, failures: int) -> timedelta:
        assert timedelta() < policy.initial
        counted.append(failures)
        return timedelta()

    monkeypatch.setattr("executor.adapters.grpc_control_plane.backoff", no_wait)
    return counted


async def begun(far: ListeningControlPlane, count: int) -> None:
    """Wait for so many streams."""
    await eventually(lambda: len(far.streams) == count)


def ordinals(far: ListeningControlPlane) -> list[int]:
    """Which tasks' outcomes arrived, in order."""
    return [int(one.task_id.rpartition(":")[2]) for one in far.outcomes]


class TestAHello:
    async def test_says_who_comes_and_with_what(self, far: ListeningControlPlane) -> None:
        """Queues, types, the session, and a credential."""
        async with near(far) as executor:
            await eventually(lambda: far.hellos)
        hello = pb.Hello(
            executor_name="test",
            queues=["default", "gpu"],
            task_types=[task_pb2.TASK_TYPE_HUMAN, task_pb2.TASK_TYPE_SYSTEM],
            session_id=str(executor.session_id),
        )

        assert ([hello], ["Bearer secret"]) == (far.hellos, far.credentials)

    async def test_is_said_again_for_a_new_session(self, far: ListeningControlPlane) -> None:
        """Tasks are assigned to a session, so the stream is of one session."""
        async with near(far) as executor:
            await eventually(lambda: far.streams)
            executor.session_id = SessionId(new_uuid7())
            executor.report(1)
            await eventually(lambda: len(far.hellos) == 2)

        assert str(executor.session_id) == far.hellos[1].session_id


class TestOutcomes:
    async def test_that_gathered_travel_together(self, far: ListeningControlPlane) -> None:
        """One message costs as much as the hundred outcomes in it."""
        async with near(far) as executor:
            await eventually(lambda: far.streams)
            executor.report(*range(1, 501))
            await executor.control_plane.flush(SOON)

        assert [MAX_BATCH, MAX_BATCH, 100] == far.batches
        assert list(range(1, 501)) == ordinals(far)

    async def test_that_were_not_acknowledged_are_sent_again_on_a_new_stream(
        self, tmp_path: Path
    ) -> None:
        """A server that died may or may not have kept them; sending again is always safe."""
        far = ListeningControlPlane()
        async with listening(far, tmp_path):
            far.verdict = lambda one: (
                outcome_pb2.OUTCOME_VERDICT_APPLIED if one.task_id.endswith(":1") else None
            )
            async with near(far) as executor:
                await eventually(lambda: far.streams)
                executor.report(1, 2, 3)
                await eventually(lambda: len(far.outcomes) == 3)
                await eventually(lambda: len(executor.control_plane._outbox) == 2)
                await far.break_off()
                await eventually(lambda: len(far.outcomes) == 5)

        assert [1, 2, 3, 2, 3] == ordinals(far)

    async def test_wait_for_a_control_plane_that_is_not_there(self, tmp_path: Path) -> None:
        """Nothing is lost by its absence, only late."""
        far = ListeningControlPlane()
        far.address = f"unix:{tmp_path / 'control_plane.sock'}"
        async with near(far) as executor:
            executor.report(1, 2)
            unacknowledged = await executor.control_plane.flush(timedelta(seconds=0.2))
            async with listening(far, tmp_path):
                then = await executor.control_plane.flush(SOON)

        assert (2, 0, [1, 2]) == (unacknowledged, then, ordinals(far))

    async def test_survive_a_control_plane_that_restarts(self, tmp_path: Path) -> None:
        """Every one arrives, whatever was under way when it went."""
        far = ListeningControlPlane()
        far.address = f"unix:{tmp_path / 'control_plane.sock'}"
        async with near(far) as executor:
            for turn in range(3):
                far.streams.clear()
                async with listening(far, tmp_path):
                    await eventually(lambda: far.streams)
                    executor.report(*range(turn * 100 + 1, turn * 100 + 101))
            async with listening(far, tmp_path):
                unacknowledged = await executor.control_plane.flush(SOON)

        assert (0, set(range(1, 301))) == (unacknowledged, set(ordinals(far)))

    @pytest.mark.parametrize(
        "verdict",
        [
            outcome_pb2.OUTCOME_VERDICT_DUPLICATE,
            outcome_pb2.OUTCOME_VERDICT_LEASE_LOST,
            outcome_pb2.OUTCOME_VERDICT_REFUSED,
        ],
    )
    async def test_that_got_any_verdict_are_forgotten(
        self, far: ListeningControlPlane, verdict: outcome_pb2.OutcomeVerdict.ValueType
    ) -> None:
        """Every verdict is final."""
        far.verdict = lambda _: verdict
        async with near(far) as executor:
            executor.report(1)
            unacknowledged = await executor.control_plane.flush(SOON)

        assert 0 == unacknowledged


def lent(far: ListeningControlPlane) -> list[tuple[int, bool]]:
    """The credits that were told, in order: the limit, and whether there is a backlog."""
    told = []
    for message in far.messages:
        if message.HasField("outcomes") and message.outcomes.HasField("credits"):
            told.append(message.outcomes.credits)
        elif message.HasField("credits"):
            told.append(message.credits)
    return [(one.limit, one.has_backlog) for one in told]


class TestCredits:
    async def test_are_what_is_free_beyond_what_was_assigned(
        self, far: ListeningControlPlane
    ) -> None:
        """The limit counts from the stream's beginning, whatever is on its way."""
        async with near(far) as executor:
            executor.heard.free = 3
            await eventually(lambda: lent(far))
            await far.tell(assigning(a_task(ordinal=1)))
            await eventually(lambda: executor.heard.assigned)
            executor.heard.free = 2
            executor.report(2)
            await executor.control_plane.flush(SOON)
            executor.heard.free = 3
            executor.report(1)
            await executor.control_plane.flush(SOON)

        assert [(3, False), (4, False)] == lent(far)

    async def test_are_taken_back_when_there_is_no_room_any_more(
        self, far: ListeningControlPlane
    ) -> None:
        """At once, though there is no outcome to send: tasks would wait for nothing."""
        async with near(far) as executor:
            executor.heard.free = 3
            await eventually(lambda: lent(far))
            executor.heard.free = 0
            executor.control_plane.look_again()
            await eventually(lambda: len(lent(far)) == 2)

        assert [(3, False), (0, False)] == lent(far)

    async def test_tell_of_a_backlog(self, far: ListeningControlPlane) -> None:
        """So that nobody waits behind what this executor is assigned."""
        async with near(far) as executor:
            executor.heard.free = 3
            await eventually(lambda: lent(far))
            executor.heard.has_backlog = True
            executor.control_plane.look_again()
            await eventually(lambda: len(lent(far)) == 2)

        assert [(3, False), (3, True)] == lent(far)

    async def test_begin_anew_on_a_new_stream(self, far: ListeningControlPlane) -> None:
        """What was assigned on the old one does not count on this."""
        async with near(far) as executor:
            executor.heard.free = 3
            await eventually(lambda: lent(far))
            await far.tell(assigning(a_task(ordinal=1)))
            await eventually(lambda: executor.heard.assigned)
            await far.break_off()
            await eventually(lambda: len(lent(far)) == 2)

        assert [(3, False), (3, False)] == lent(far)

    async def test_on_a_stream_that_broke_make_the_session_doubtful(
        self, far: ListeningControlPlane
    ) -> None:
        """What was assigned last may never have arrived, and would be held by nobody."""
        async with near(far) as executor:
            await eventually(lambda: far.streams)
            await far.break_off()
            await eventually(lambda: len(far.streams) == 2)
            without = list(executor.heard.doubted)
            executor.heard.free = 1
            executor.control_plane.look_again()
            await eventually(lambda: lent(far))
            await far.break_off()
            await eventually(lambda: executor.heard.doubted)

        assert ([], [executor.session_id]) == (without, executor.heard.doubted)

    async def test_on_a_stream_that_was_left_leave_no_doubt(
        self, far: ListeningControlPlane
    ) -> None:
        """It has brought everything by the time it ends."""
        async with near(far) as executor:
            executor.heard.free = 3
            await eventually(lambda: lent(far))
            drain = pb.ConnectResponse()
            drain.drain.reconnect_within.FromTimedelta(timedelta(seconds=0.1))
            await far.tell(drain)
            await eventually(lambda: len(far.hellos) == 2)
            doubted = list(executor.heard.doubted)

        assert [] == doubted


class TestAnAcknowledgement:
    async def test_may_bring_a_task(self, far: ListeningControlPlane) -> None:
        """The task is taken in before room is made for others."""
        seen: list[int] = []
        async with near(far) as executor:
            await eventually(lambda: far.streams)
            executor.heard.on_settle = lambda: seen.append(len(executor.heard.assigned))
            message = pb.ConnectResponse()
            message.outcome_acks.acks.add(
                task_id="a:1", epoch=1, verdict=outcome_pb2.OUTCOME_VERDICT_APPLIED
            )
            message.outcome_acks.assign.CopyFrom(assigning(a_task(ordinal=2)).assign)
            await far.tell(message)
            await eventually(lambda: executor.heard.settled)

        assert ([1], [Held("a:1", 1)]) == (seen, executor.heard.settled)


class TestAStream:
    async def test_tells_of_attempts_that_go_on_for_long(self, far: ListeningControlPlane) -> None:
        """So that a task that runs shows as running."""
        far.heartbeat = timedelta(seconds=0.05)
        async with near(far) as executor:
            executor.heard.going_on = [
                RunningAttempt(tenant_id=TenantId("acme"), held=Held("a:1", 2), started_at=NOON)
            ]
            await eventually(lambda: far.messages)
        [attempt] = far.messages[0].heartbeat.running

        assert ("a:1", 2) == (attempt.task_id, attempt.epoch)

    async def test_tells_what_attempts_say_of_themselves(self, far: ListeningControlPlane) -> None:
        """As soon as they do, and not much more often than twice a second."""
        async with near(far) as executor:
            await eventually(lambda: far.streams)
            for progress in ("1", "2"):
                attempt = RunningAttempt(
                    tenant_id=TenantId("acme"),
                    held=Held("a:1", 2),
                    started_at=NOON,
                    has_beaten=True,
                    progress=progress,
                )
                executor.heard.said = [attempt]
                executor.control_plane.look_again()
                await eventually(lambda: not executor.heard.said)
            await eventually(lambda: len(far.messages) == 2)

        assert [(True, "1"), (True, "2")] == [
            (one.has_beaten, one.progress.json)
            for message in far.messages
            for one in message.heartbeat.running
        ]

    async def test_is_left_for_another_when_the_control_plane_drains(
        self, far: ListeningControlPlane
    ) -> None:
        """Within the time it gives, and with the same session."""
        async with near(far) as executor:
            await eventually(lambda: far.streams)
            drain = pb.ConnectResponse()
            drain.drain.reconnect_within.FromTimedelta(timedelta(seconds=0.1))
            await far.tell(drain)
            await eventually(lambda: len(far.hellos) == 2)

        assert [str(executor.session_id)] * 2 == [hello.session_id for hello in far.hellos]

    async def test_ends_with_a_goodbye_and_is_not_begun_again(
        self, far: ListeningControlPlane
    ) -> None:
        """The session is over; a new stream would find none."""
        async with near(far) as executor:
            await eventually(lambda: executor.control_plane._call)
            await executor.control_plane.goodbye()
            await eventually(lambda: far.messages)
            await eventually(lambda: executor.control_plane._call is None)

        assert (True, 1) == (far.messages[-1].HasField("goodbye"), len(far.hellos))


class TestAReconnect:
    async def test_waits_longer_each_time_though_every_stream_was_welcomed(
        self, far: ListeningControlPlane, waits: list[int]
    ) -> None:
        """A control plane that fails right after its welcome must not be stormed."""
        async with near(far):
            for stream in range(1, 4):
                await begun(far, stream)
                await far.break_off()
            await eventually(lambda: len(waits) == 3)

        assert [1, 2, 3] == waits

    async def test_waits_as_little_as_the_first_time_after_an_acknowledgement(
        self, far: ListeningControlPlane, waits: list[int]
    ) -> None:
        """It did what it is for."""
        async with near(far) as executor:
            for stream in range(1, 4):
                await begun(far, stream)
                executor.report(stream)
                await executor.control_plane.flush(SOON)
                await far.break_off()
            await eventually(lambda: len(waits) == 3)

        assert [1, 1, 1] == waits

    async def test_waits_as_little_as_the_first_time_after_a_stream_that_lived(
        self, far: ListeningControlPlane, waits: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An executor without work gets no acknowledgements."""
        monkeypatch.setattr("executor.adapters.grpc_control_plane.STEADY_AFTER_S", 0.0)
        async with near(far):
            for stream in range(1, 4):
                await begun(far, stream)
                await far.break_off()
            await eventually(lambda: len(waits) == 3)

        assert [1, 1, 1] == waits


class TestABatch:
    def test_is_not_larger_than_one_message_should_be(self) -> None:
        """A large outcome goes with as few others as keep the message small, or alone."""
        outbox = Outbox()
        for ordinal in range(1, 6):
            outcome = outcome_pb2.Outcome(task_id=f"a:{ordinal}")
            outcome.succeeded.output.json = "x" * (MAX_BATCH_BYTES // 2 - 100)
            outbox.keep(Held(f"a:{ordinal}", 1), outcome)
        sizes = []
        while batch := outbox.next_batch():
            sizes.append(len(batch))

        assert [2, 2, 1] == sizes

    def test_does_not_hold_what_was_acknowledged_before_it_was_sent_again(self) -> None:
        """An acknowledgement of the first sending may come after the rewind."""
        outbox = Outbox()
        for ordinal in (1, 2):
            outbox.keep(Held(f"a:{ordinal}", 1), outcome_pb2.Outcome(task_id=f"a:{ordinal}"))
        outbox.next_batch()
        outbox.rewind()
        outbox.acknowledge(Held("a:1", 1))

        assert ["a:2"] == [one.task_id for one in outbox.next_batch()]
