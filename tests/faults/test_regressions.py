"""What the model and the campaign have found, each at the lowest level that shows it."""

from control_plane.orchestrator import Cancel, Pause, Report, Resume
from control_plane.orchestrator.answer import Verdict
from shared.tasks import Outcome
from tests.contract.worlds import PostgresWorld
from tests.orchestrator.specs import ONE_TASK
from tests.orchestrator.stage import Stage


class TestAPausedInstanceThatIsCancelled:
    async def test_leaves_no_withheld_task_behind(
        self, stage: Stage, postgres: PostgresWorld
    ) -> None:
        """One statement set the task free, as of a resume, and took it away: one of them won."""
        await stage.define(ONE_TASK)
        instance_id = (await stage.start()).instance_id
        for asked in (
            Pause(reason="", paused_by="ada"),
            Cancel(reason="", cancelled_by="ada"),
        ):
            if isinstance(asked, Cancel):
                # The claim finds it paused, and withholds its task.
                assert [] == await stage.claim()
            await stage.orchestrator.submit(stage.request(instance_id, asked))

        counts = await postgres.row_counts()

        assert not {"ready", "delayed", "lease"} & counts.keys()


class TestAnOutcomeThatMeetsTheEndOfAPause:
    async def test_is_known_by_its_epoch_ever_after(self, stage: Stage) -> None:
        """One turn took it in, for later, and then applied it; its holder was forgotten between."""
        await stage.define(ONE_TASK)
        instance_id = (await stage.start()).instance_id
        [task] = await stage.claim()
        await stage.orchestrator.submit(
            stage.request(instance_id, Pause(reason="", paused_by="ada"))
        )
        report = stage.request(
            instance_id,
            Report(ordinal=task.ordinal, epoch=task.epoch, outcome=Outcome.succeeded(None)),
        )
        resume = stage.request(instance_id, Resume(reason="", resumed_by="ada"))
        await stage.orchestrator.submit_all([report, resume])

        again = await stage.report(task, Outcome.succeeded(None))

        assert Verdict.DUPLICATE is again.verdict
        [kept] = await stage.tasks(instance_id)
        assert (task.epoch, task.attempt) == (kept.epoch, kept.attempt)
