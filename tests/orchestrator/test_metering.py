"""What turns came to is counted by type, by how it ended, and by tenant where that is wanted."""

from datetime import timedelta

import pytest

from control_plane.meters.turns import MeasuredStore, TurnMeter
from control_plane.ports.instance_store import Wanted
from control_plane.ports.records import InstanceKey
from shared.tasks import Outcome
from shared.telemetry.metric_names import Metric
from shared.telemetry.metrics import TENANTS
from tests.contract.worlds import ACME, MemoryWorld
from tests.orchestrator import specs
from tests.orchestrator.stage import Stage
from tests.telemetry.reading import Growth

HERE = {"type": "SYSTEM", "tenant": ""}
ENDS = ("succeeded", "dead", "cancelled", "skipped")


@pytest.fixture
def world() -> MemoryWorld:
    """Memory alone: what is counted comes of turns, and those are the same on PostgreSQL."""
    return MemoryWorld()


def counted(stage: Stage) -> None:
    """All turns so far."""
    meter = TurnMeter()
    for turn in stage.turns:
        meter.committed(turn)


def ends() -> Growth:
    return Growth(*((Metric.TASKS_ENDED, {**HERE, "outcome": one}) for one in ENDS))


class TestATaskThatSucceeds:
    async def test_is_counted_with_its_instance(self, stage: Stage) -> None:
        """From its start to its end, once."""
        grown, tasks = ends(), Growth((Metric.TASKS_CREATED, HERE), (Metric.ATTEMPTS_FAILED, HERE))
        instances = Growth(
            (Metric.INSTANCES_STARTED, {"tenant": ""}),
            (Metric.INSTANCES_ENDED, {"status": "completed", "tenant": ""}),
        )
        await stage.define(specs.ONE_TASK)
        await stage.start()
        [task] = await stage.claim()
        await stage.report(task, Outcome.succeeded())
        counted(stage)

        assert [1, 0, 0, 0] == grown.so_far()
        assert [1, 0] == tasks.so_far()
        assert [1, 1] == instances.so_far()


class TestATaskThatFails:
    async def test_is_retried_or_dead(self, stage: Stage) -> None:
        """Each attempt that failed is counted; what becomes of the task is another matter."""
        grown = ends()
        tries = Growth((Metric.ATTEMPTS_FAILED, HERE), (Metric.TASKS_RETRIED, HERE))
        await stage.define(specs.FRAGILE)
        await stage.start()
        [first] = await stage.claim()
        await stage.fail(first)
        await stage.world.move_clock(timedelta(hours=1))
        await stage.world.due.release_delayed(10)
        [second] = await stage.claim()
        await stage.fail(second, retryable=False)
        counted(stage)

        assert [0, 1, 0, 0] == grown.so_far()
        assert [2, 1] == tries.so_far()


class TestATaskWhoseExecutorVanished:
    async def test_is_rescued_and_has_not_failed(self, stage: Stage) -> None:
        """It did nothing wrong."""
        tries = Growth(
            (Metric.TASKS_RESCUED, HERE),
            (Metric.TASKS_RETRIED, HERE),
            (Metric.ATTEMPTS_FAILED, HERE),
        )
        await stage.define(specs.ONE_TASK)
        await stage.start()
        await stage.claim()
        await stage.world.move_clock(timedelta(minutes=5))
        await stage.rescue()
        counted(stage)

        assert [1, 0, 0] == tries.so_far()


class TestATaskThatIsCalledOff:
    async def test_is_cancelled(self, stage: Stage) -> None:
        """It is neither dead nor done."""
        grown = ends()
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        await stage.cancel(started.instance_id)
        counted(stage)

        assert [0, 0, 1, 0] == grown.so_far()


class TestATenant:
    async def test_is_told_by_name_where_that_is_wanted(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The setting gives room for so many."""
        monkeypatch.setattr(TENANTS, "limit", 1_000)
        grown = Growth((Metric.INSTANCES_STARTED, {"tenant": "acme"}))
        await stage.define(specs.ONE_TASK)
        await stage.start()
        counted(stage)

        assert [1] == grown.so_far()


class TestTheStore:
    async def test_tells_how_long_a_turn_waited_for_it(self, stage: Stage) -> None:
        """Its reads and its commits, and whether somebody else was faster."""
        grown = Growth((Metric.READ_SECONDS, {}), (Metric.COMMIT_SECONDS, {}), suffix="_count")
        changes = Growth(
            (Metric.TURN_CHANGES, {"result": "kept"}),
            (Metric.TURN_CHANGES, {"result": "overtaken"}),
        )
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        await stage.claim()
        await stage.cancel(started.instance_id)
        store = MeasuredStore(stage.world.store)

        await store.read(Wanted(instances=[InstanceKey(ACME, started.instance_id)]))
        # What was kept before is at another revision by now.
        kept = await store.write(stage.turns[-1].kept)

        assert frozenset() == kept
        assert [1, 1] == grown.so_far()
        assert [0, 1] == changes.so_far()
