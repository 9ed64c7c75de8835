"""What an executor tells of its attempts, and whether it is ready for work."""

from datetime import timedelta

from executor.meters import ExecutorVitals
from shared.telemetry.metric_names import Metric
from tests.executor.eventually import eventually
from tests.executor.test_attempts import Crew
from tests.telemetry.reading import Growth, value

SYSTEM = {"type": "SYSTEM"}


class Session:
    """A session that a test opens and loses."""

    is_valid = True


class TestAnAttempt:
    async def test_is_counted_with_its_end_and_its_wait(self) -> None:
        """From the instant it could be claimed, and from its beginning."""
        ends = Growth((Metric.ATTEMPTS, {**SYSTEM, "state": "succeeded"}))
        waits = Growth(
            (Metric.QUEUE_SECONDS, SYSTEM), (Metric.ATTEMPT_SECONDS, SYSTEM), suffix="_count"
        )
        crew = Crew()
        crew.take(1)
        # One that is told twice is one.
        crew.take(1)
        await eventually(lambda: crew.gate.begun == [1])
        crew.gate.let(1)
        await eventually(lambda: crew.reported)

        assert [1] == ends.so_far()
        assert [1, 1] == waits.so_far()

    async def test_that_is_lost_is_counted_and_has_no_end(self) -> None:
        """Somebody else may have its task by now."""
        lost = Growth((Metric.TASKS_LOST, {}))
        crew = Crew()
        held = crew.take(1)
        await eventually(lambda: crew.gate.begun == [1])
        crew.attempts.lose(held)
        await eventually(lambda: crew.attempts.count == 0)

        assert [1] == lost.so_far()


class TestAnExecutor:
    async def test_tells_what_it_has_in_hand(self) -> None:
        """Running of slots says how busy it is."""
        crew = Crew(concurrency=2)
        crew.take(1, 2, 3)
        vitals = vitals_of(crew, Session())
        await vitals.sample()
        running = value(Metric.RUNNING), value(Metric.SLOTS), value(Metric.UNACKNOWLEDGED)
        crew.gate.let(1, 2, 3)
        await eventually(lambda: len(crew.reported) == 3)
        await vitals.sample()

        assert (2.0, 2.0, 0.0) == running
        assert (0.0, 3.0) == (value(Metric.RUNNING), value(Metric.UNACKNOWLEDGED))

    async def test_is_ready_while_it_has_a_session(self) -> None:
        """Without a control plane it works on; without a session it can claim nothing."""
        session = Session()
        vitals = vitals_of(Crew(), session)
        ready = await vitals.findings()
        session.is_valid = False
        lost = await vitals.findings()

        assert [True, True] == [one.is_well for one in ready]
        assert ["session"] == [one.about for one in lost if not one.is_well]

    async def test_is_not_ready_once_it_drains(self) -> None:
        """It takes no more work, and says so before it is gone."""
        crew = Crew()
        vitals = vitals_of(crew, Session(), is_draining=True)
        await crew.attempts.drain(timedelta(0))

        assert ["drain"] == [one.about for one in await vitals.findings() if not one.is_well]


def vitals_of(crew: Crew, session: Session, *, is_draining: bool = False) -> ExecutorVitals:
    """As the plane puts them together."""
    return ExecutorVitals(
        session,
        crew.attempts,
        crew.control_plane,
        slots=2,
        is_draining=lambda: is_draining,
    )
