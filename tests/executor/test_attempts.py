"""The attempts in hand: how many at once, what ends them, what is reported."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import cast

import pytest

from executor.adapters.memory_control_plane import MemoryControlPlane
from executor.attempts import Attempts
from executor.handlers import Handlers
from executor.heartbeats import Heartbeats
from executor.ports import Ports
from executor.ports.control_plane import MAX_UNACKNOWLEDGED, Held, Report
from executor.runner import Runner
from shared.ids import SessionId, new_uuid7
from shared.tasks import ClaimedTask, Failure, Outcome, TaskType
from tests.executor.eventually import eventually
from tests.executor.ports import canned
from tests.executor.work import a_task

OURS = SessionId(new_uuid7())
THEIRS = SessionId(new_uuid7())
GRACE = timedelta(seconds=10)


class Gate:
    """A handler that finishes a task when the test lets it."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self._open: dict[int, asyncio.Event] = {}

    def can_handle(self, type: TaskType) -> bool:  # noqa: A002 - a task's type is its type
        """All."""
        return True

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """Wait at the gate."""
        self.begun.append(task.ordinal)
        await self._gate(task.ordinal).wait()
        return Outcome.succeeded(task.ordinal)

    def let(self, *ordinals: int) -> None:
        """Let tasks through."""
        for ordinal in ordinals:
            self._gate(ordinal).set()

    def _gate(self, ordinal: int) -> asyncio.Event:
        return self._open.setdefault(ordinal, asyncio.Event())


class Crew:
    """Attempts, the gate they wait at, and where their outcomes go."""

    def __init__(self, concurrency: int = 2) -> None:
        self.gate = Gate()
        self.control_plane = MemoryControlPlane()
        self.heartbeats = Heartbeats()
        self.attempts = Attempts(
            Runner(Handlers([self.gate]), canned()),
            self.control_plane,
            self.heartbeats,
            concurrency=concurrency,
        )

    def take(self, *ordinals: int, session_id: SessionId = OURS) -> list[Held]:
        """Hand tasks over."""
        tasks = [a_task(ordinal=ordinal) for ordinal in ordinals]
        self.attempts.assign(session_id, tasks)
        return [Held.of(task) for task in tasks]

    @property
    def reported(self) -> list[tuple[int, str]]:
        """Which tasks were reported, and how they ended."""
        return [
            (int(one.held.task_id.rpartition(":")[2]), one.outcome.state)
            for one in self.control_plane.received
        ]


class TestAttempts:
    async def test_are_no_more_at_once_than_agreed(self) -> None:
        """What was assigned beyond that waits its turn."""
        crew = Crew(concurrency=2)
        crew.take(1, 2, 3)
        await eventually(lambda: crew.gate.begun == [1, 2])
        crew.gate.let(2)
        await eventually(lambda: crew.gate.begun == [1, 2, 3])
        crew.gate.let(1, 3)
        await eventually(lambda: len(crew.reported) == 3)

        assert {(1, "succeeded"), (2, "succeeded"), (3, "succeeded")} == set(crew.reported)

    async def test_leave_room_for_what_is_not_in_hand(self) -> None:
        """Running and waiting ones both count."""
        crew = Crew(concurrency=3)
        before = crew.attempts.spare
        crew.take(1, 2)
        then = crew.attempts.spare
        crew.gate.let(1, 2)
        await eventually(lambda: crew.attempts.spare == 3)

        assert (3, 1) == (before, then)

    async def test_leave_room_for_what_may_come_back_with_an_acknowledgement(self) -> None:
        """A claim does not take it; the control plane may."""
        crew = Crew(concurrency=3)
        running = asyncio.ensure_future(crew.control_plane.run(crew.attempts))
        await eventually(lambda: crew.control_plane.is_connected)
        crew.control_plane.is_silent = True
        crew.take(1)
        crew.gate.let(1)
        await eventually(lambda: crew.reported)
        before = crew.attempts.spare, crew.attempts.free
        crew.control_plane.acknowledge()
        running.cancel()

        assert ((2, 3), 3) == (before, crew.attempts.spare)

    async def test_leave_no_room_for_the_control_plane_to_fill_during_a_drain(self) -> None:
        """What is assigned to an executor that ends goes a long way round."""
        crew = Crew(concurrency=3)
        before = crew.attempts.free
        await crew.attempts.drain(GRACE)

        assert (3, 0) == (before, crew.attempts.free)

    async def test_are_known_until_their_outcomes_are_acknowledged(self) -> None:
        """The lease of an outcome on its way must not be given back."""
        crew = Crew(concurrency=1)
        running = asyncio.ensure_future(crew.control_plane.run(crew.attempts))
        await eventually(lambda: crew.control_plane.is_connected)
        crew.control_plane.is_silent = True
        held = crew.take(1, 2)
        begun = crew.attempts.known()
        crew.gate.let(1, 2)
        await eventually(lambda: len(crew.reported) == 2)
        reported = crew.attempts.known(), crew.attempts.holds_for(OURS)
        crew.control_plane.acknowledge()
        running.cancel()

        assert (held, (held, True)) == (begun, reported)
        assert ([], False) == (crew.attempts.known(), crew.attempts.holds_for(OURS))

    async def test_leave_no_room_when_outcomes_cannot_be_kept(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A control plane that is away must not fill the memory."""
        crew = Crew(concurrency=3)
        crew.control_plane.is_silent = True
        monkeypatch.setattr(
            "executor.adapters.memory_control_plane.MAX_UNACKNOWLEDGED", MAX_UNACKNOWLEDGED - 9_998
        )
        crew.take(1)
        crew.gate.let(1)
        await eventually(lambda: crew.reported)

        assert 1 == crew.attempts.spare

    async def test_are_begun_once_however_often_they_are_told(self) -> None:
        """After a reconnect, a control plane may say again what it has said."""
        crew = Crew(concurrency=1)
        crew.take(1, 2)
        crew.take(1, 2)
        crew.gate.let(1, 2)
        await eventually(lambda: len(crew.reported) == 2)
        crew.take(1, 2)
        await crew.attempts.drain(GRACE)

        assert [1, 2] == crew.gate.begun


class Deaf(MemoryControlPlane):
    """A control plane that takes no reports."""

    def report(self, report: Report) -> None:
        """Fail."""
        raise ValueError(report.held.task_id)


class Careless:
    """A handler that says how it ended in a way that nobody understands."""

    def can_handle(self, type: TaskType) -> bool:  # noqa: A002 - a task's type is its type
        """All."""
        return True

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """Fail with what is no failure."""
        return Outcome.failed(cast("Failure", "no"))


class TestAnAttemptWhoseReportCannotBeMade:
    async def test_is_reported_as_a_bug_and_holds_nobody_up(self) -> None:
        """Else its task hangs for as long as the session lives, and the next never begins."""
        bugs: list[object] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: bugs.append(type(context["exception"]))
        )
        control_plane = MemoryControlPlane()
        attempts = Attempts(
            Runner(Handlers([Careless()]), canned()),
            control_plane,
            Heartbeats(),
            concurrency=1,
        )
        attempts.assign(OURS, [a_task(ordinal=1), a_task(ordinal=2)])
        await eventually(lambda: len(control_plane.received) == 2)
        failures = [one.outcome.failure for one in control_plane.received]

        assert [("executor.bug", True)] * 2 == [
            (one.kind, one.retryable) for one in failures if one
        ]
        assert ([AttributeError] * 2, True) == (bugs, attempts.freed.is_set())

    async def test_is_not_kept_from_the_next_by_a_control_plane_that_fails(self) -> None:
        """Even what cannot be reported at all frees its place."""
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        gate = Gate()
        attempts = Attempts(Runner(Handlers([gate]), canned()), Deaf(), Heartbeats(), concurrency=1)
        attempts.assign(OURS, [a_task(ordinal=1), a_task(ordinal=2)])
        gate.let(1)
        await eventually(lambda: gate.begun == [1, 2])

        assert attempts.freed.is_set()
        gate.let(2)
        await eventually(lambda: attempts.count == 0)


class TestAnAttemptThatSaysThatItGoesOn:
    async def test_is_told_with_what_it_says(self) -> None:
        """Once: the next time it has to say so again."""
        crew = Crew()
        [held, _] = crew.take(1, 2)
        crew.heartbeats.beat(held, {"page": 3})
        before = crew.attempts.has_beats
        told = [(one.held, one.has_beaten, one.progress) for one in crew.attempts.beats()]

        assert (True, [(held, True, '{"page":3}')]) == (before, told)
        assert (False, []) == (crew.attempts.has_beats, list(crew.attempts.beats()))

    async def test_is_not_told_once_it_has_ended(self) -> None:
        """Its outcome says more."""
        crew = Crew()
        [held] = crew.take(1)
        crew.heartbeats.beat(held)
        crew.gate.let(1)
        await eventually(lambda: crew.reported)

        assert [] == list(crew.attempts.beats())


class TestACancelledAttempt:
    async def test_is_reported_as_such(self) -> None:
        """The control plane asked for it, and hears that it is done."""
        crew = Crew()
        held = crew.take(1)
        await eventually(lambda: crew.gate.begun)
        crew.attempts.cancel(held)
        await eventually(lambda: crew.reported)

        assert [(1, "cancelled")] == crew.reported

    async def test_that_has_not_taken_its_first_step_is_reported_too(self) -> None:
        """A task cancelled so early never enters its code."""
        crew = Crew()
        crew.attempts.cancel(crew.take(1))
        await eventually(lambda: crew.reported)

        assert ([(1, "cancelled")], []) == (crew.reported, crew.gate.begun)

    async def test_that_waits_is_forgotten(self) -> None:
        """Nothing waits for its report."""
        crew = Crew(concurrency=1)
        crew.take(1)
        crew.attempts.cancel(crew.take(2))
        crew.gate.let(1, 2)
        await eventually(lambda: crew.reported)
        await crew.attempts.drain(GRACE)

        assert [1] == crew.gate.begun

    async def test_of_another_epoch_is_not_this_one(self) -> None:
        """Word about an earlier hand-out comes late."""
        crew = Crew()
        [held] = crew.take(1)
        crew.attempts.cancel([Held(held.task_id, held.epoch + 1)])
        crew.gate.let(1)
        await eventually(lambda: crew.reported)

        assert [(1, "succeeded")] == crew.reported


class TestALostAttempt:
    @pytest.mark.parametrize(
        "lose",
        [
            lambda crew, held: crew.attempts.lose(held),
            lambda crew, _: crew.attempts.lose_session(OURS),
        ],
        ids=["by word", "with its session"],
    )
    async def test_is_stopped_and_not_reported(
        self, lose: Callable[[Crew, list[Held]], None]
    ) -> None:
        """Somebody else has the task now."""
        crew = Crew()
        crew.take(2, session_id=THEIRS)
        held = crew.take(1)
        await eventually(lambda: len(crew.gate.begun) == 2)
        lose(crew, held)
        await eventually(lambda: crew.attempts.count == 1)
        crew.gate.let(2)
        await eventually(lambda: crew.reported)

        assert [(2, "succeeded")] == crew.reported

    async def test_is_no_longer_of_its_session(self) -> None:
        """A session is closed when nothing runs for it."""
        crew = Crew()
        held = crew.take(1)
        before = crew.attempts.holds_for(OURS), crew.attempts.holds_for(THEIRS)
        crew.attempts.lose(held)
        await eventually(lambda: not crew.attempts.holds_for(OURS))

        assert (True, False) == before


class TestADrain:
    async def test_lets_what_runs_finish_and_gives_back_what_has_not_begun(self) -> None:
        """An orderly end loses no work."""
        crew = Crew(concurrency=1)
        crew.take(1, 2)
        draining = asyncio.ensure_future(crew.attempts.drain(GRACE))
        await asyncio.sleep(0)
        crew.take(3)
        crew.gate.let(1)
        unbegun = await draining

        assert ([2, 3], [(1, "succeeded")]) == (
            [one.task.ordinal for one in unbegun],
            crew.reported,
        )

    async def test_ends_what_does_not_finish_in_time_without_a_report(self) -> None:
        """It is handed to others when the session closes."""
        crew = Crew()
        crew.take(1)
        await eventually(lambda: crew.gate.begun)
        await crew.attempts.drain(timedelta(seconds=0.05))

        assert ([], 0) == (crew.reported, crew.attempts.count)
