"""Ending an instance, and what it had under way."""

from control_plane.orchestrator import Verdict
from shared.tasks import Outcome
from tests.orchestrator import specs
from tests.orchestrator.stage import Stage


class TestACancel:
    async def test_ends_the_instance_and_takes_its_tasks_back(self, stage: Stage) -> None:
        """Nobody can claim what is not wanted any more."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()

        answer = await stage.cancel(started.instance_id)

        assert "cancelled" == answer.status
        assert ["cancelled"] == [t.status_now for t in await stage.tasks(started.instance_id)]
        assert [] == await stage.claim()
        await stage.assert_whole(started.instance_id)

    async def test_repeated_is_harmless(self, stage: Stage) -> None:
        """It is cancelled already."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        await stage.cancel(started.instance_id)

        assert (await stage.cancel(started.instance_id)).duplicate

    async def test_fences_the_attempt_that_is_under_way(self, stage: Stage) -> None:
        """Its outcome comes too late."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()

        await stage.cancel(started.instance_id)
        answer = await stage.report(task, Outcome.succeeded())

        assert Verdict.LEASE_LOST == answer.verdict
        assert "lease" not in await stage.world.row_counts()
        await stage.assert_whole(started.instance_id)

    async def test_by_leaving_the_state_cancels_the_tasks_bound_to_it(self, stage: Stage) -> None:
        """An invoked task lives as long as its state."""
        await stage.define(specs.CANCELS_ITS_TASK)
        started = await stage.start()
        [task] = await stage.claim()

        await stage.send(started.instance_id, "LEAVE")

        assert Verdict.LEASE_LOST == (await stage.report(task, Outcome.succeeded())).verdict
        assert ["cancelled"] == [t.status_now for t in await stage.tasks(started.instance_id)]
        await stage.assert_whole(started.instance_id)
