"""Tasks that people end."""

import json
from datetime import timedelta

import pytest

from control_plane.orchestrator import Report, Settle, Verdict
from shared.errors import PreconditionFailed
from shared.tasks import Outcome
from tests.orchestrator import specs
from tests.orchestrator.stage import Stage


class TestAHumanTask:
    async def test_is_completed_from_outside_with_what_the_person_said(self, stage: Stage) -> None:
        """Whether an executor has offered it by then or not."""
        await stage.define(specs.REVIEW)
        started = await stage.start()
        [task] = await stage.claim()
        offered = await stage.report(task, Outcome.awaiting())

        answer = await stage.settle(started.instance_id, task.ordinal, {"answer": "yes"})

        assert ("waiting", "completed") == (offered.status, answer.status)
        instance = await stage.instance(started.instance_id)
        assert {"answer": "yes"} == json.loads(instance.context)
        await stage.assert_whole(started.instance_id)

    async def test_completed_while_being_offered_is_completed(self, stage: Stage) -> None:
        """The person was quicker than the executor, whose outcome then changes nothing."""
        await stage.define(specs.REVIEW)
        started = await stage.start()
        [task] = await stage.claim()

        await stage.settle(started.instance_id, task.ordinal, {"answer": "yes"})
        late = await stage.report(task, Outcome.awaiting())

        assert late.verdict in (Verdict.DUPLICATE, Verdict.LEASE_LOST)
        assert {"lease", "ready"}.isdisjoint(await stage.world.row_counts())
        await stage.assert_whole(started.instance_id)

    async def test_is_cancelled_when_its_time_is_up(self, stage: Stage) -> None:
        """The timer fires, the state is left, and the task with it."""
        await stage.define(specs.REVIEW)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.report(task, Outcome.awaiting())

        early = await stage.fire_due()
        await stage.world.move_clock(timedelta(hours=1))
        fired = await stage.fire_due()
        again = await stage.fire_due()

        assert (0, 1, 0) == (early, fired, again)
        assert '"expired"' == (await stage.instance(started.instance_id)).current_state
        assert ["cancelled"] == [t.status_now for t in await stage.tasks(started.instance_id)]
        assert "timer" not in await stage.world.row_counts()
        await stage.assert_whole(started.instance_id)

    async def test_cannot_be_completed_twice(self, stage: Stage) -> None:
        """The first answer stands."""
        await stage.define(specs.REVIEW)
        started = await stage.start()
        await stage.settle(started.instance_id, 1, {"answer": "yes"})

        with pytest.raises(PreconditionFailed) as raised:
            await stage.settle(started.instance_id, 1, {"answer": "no"})

        assert "TASK_CLOSED" == raised.value.reason

    async def test_alone_can_be_completed_from_outside(self, stage: Stage) -> None:
        """A task in an executor's hands is not for people to end."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()

        with pytest.raises(PreconditionFailed) as raised:
            await stage.settle(started.instance_id, 1)

        assert "TASK_NOT_COMPLETABLE" == raised.value.reason


class TestAFailureFromOutside:
    async def test_that_may_pass_offers_the_task_again(self, stage: Stage) -> None:
        """After the policy's delay, and with a new hand-out."""
        await stage.define(specs.REVIEW)
        started = await stage.start()
        [first] = await stage.claim()
        await stage.report(first, Outcome.awaiting())

        await stage.settle_failed(started.instance_id, first.ordinal, retryable=True)
        await stage.world.move_clock(timedelta(minutes=1))
        [second] = await stage.claim()

        assert (2, True) == (second.attempt, first.epoch < second.epoch)
        assert "TASK_RETRY_SCHEDULED" in await stage.types(started.instance_id)
        await stage.assert_whole(started.instance_id)

    async def test_that_may_pass_counts_a_task_nobody_has_claimed_yet(self, stage: Stage) -> None:
        """The person was quicker than any executor; the ready row must not stand twice."""
        await stage.define(specs.REVIEW)
        started = await stage.start()

        await stage.settle_failed(started.instance_id, 1, retryable=True)

        assert {"delayed": 1} == {
            table: count
            for table, count in (await stage.world.row_counts()).items()
            if table in ("ready", "delayed", "lease")
        }
        await stage.assert_whole(started.instance_id)

    async def test_that_will_not_pass_ends_the_task(self, stage: Stage) -> None:
        """And takes its error transition."""
        await stage.define(specs.REVIEW)
        started = await stage.start()

        answer = await stage.settle_failed(started.instance_id, 1, retryable=False)

        assert "completed" == answer.status
        assert ["failed"] == [task.status_now for task in await stage.tasks(started.instance_id)]
        await stage.assert_whole(started.instance_id)


class TestAPersonAndAnExecutorAtOnce:
    @pytest.mark.parametrize("person_first", [True, False])
    async def test_end_the_task_once_whoever_comes_first(
        self, stage: Stage, *, person_first: bool
    ) -> None:
        """In one turn: the executor parks the task, the person completes it."""
        await stage.define(specs.REVIEW)
        started = await stage.start()
        [task] = await stage.claim()
        parked = stage.request(
            task.instance_id,
            Report(ordinal=task.ordinal, epoch=task.epoch, outcome=Outcome.awaiting()),
        )
        completed = stage.request(
            task.instance_id,
            Settle(
                ordinal=task.ordinal,
                outcome=Outcome.succeeded({"answer": "yes"}),
                settled_by="ada",
            ),
        )
        both = [completed, parked] if person_first else [parked, completed]

        answers = await stage.orchestrator.submit_all(both)

        assert [] == [answer for answer in answers if isinstance(answer, Exception)]
        instance = await stage.instance(started.instance_id)
        assert ("completed", {"answer": "yes"}) == (instance.status, json.loads(instance.context))
        assert 1 == (await stage.types(started.instance_id)).count("TASK_COMPLETED")
        assert {"lease", "ready", "delayed"}.isdisjoint(await stage.world.row_counts())
        await stage.assert_whole(started.instance_id)
