"""Outcomes of executors: fenced, settled by policy, applied once."""

import asyncio
from datetime import timedelta

import pytest

from control_plane.orchestrator import Report, Request, Verdict
from shared.errors import PreconditionFailed
from shared.ids import SessionId, new_uuid7
from shared.tasks import ClaimedTask, Outcome
from tests.orchestrator import specs
from tests.orchestrator.stage import Stage


class TestAnOutcome:
    async def test_moves_the_instance_and_ends_the_task(self, stage: Stage) -> None:
        """One commit: the task's end, the history, and what follows."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()

        answer = await stage.report(task, Outcome.succeeded({"receipt": 7}))

        assert (Verdict.APPLIED, "completed") == (answer.verdict, answer.status)
        [ended] = await stage.tasks(started.instance_id)
        assert ("succeeded", 1, '{"receipt":7}') == (ended.status_now, ended.attempt, ended.output)
        assert [
            "TASK_STARTED",
            "TASK_COMPLETED",
            "STATE_TRANSITION",
            "INSTANCE_COMPLETED",
        ] == (await stage.types(started.instance_id))[3:]
        await stage.assert_whole(started.instance_id)

    async def test_sent_again_is_a_duplicate(self, stage: Stage) -> None:
        """An executor resends until it is acknowledged."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.report(task, Outcome.succeeded())

        again = await stage.report(task, Outcome.succeeded())

        assert Verdict.DUPLICATE == again.verdict
        assert 1 == (await stage.types(started.instance_id)).count("TASK_COMPLETED")

    async def test_sent_many_times_at_once_is_applied_once(self, stage: Stage) -> None:
        """In one turn or in several."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()

        answers = await asyncio.gather(
            *(stage.report(task, Outcome.succeeded()) for _ in range(20))
        )

        verdicts = [answer.verdict for answer in answers]
        assert (1, 19) == (verdicts.count(Verdict.APPLIED), verdicts.count(Verdict.DUPLICATE))
        assert 1 == (await stage.types(started.instance_id)).count("TASK_COMPLETED")

    async def test_of_a_zombie_changes_nothing(self, stage: Stage) -> None:
        """Its epoch is past: somebody else has the task now."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [late] = await stage.claim()
        await stage.world.move_clock(timedelta(minutes=5))
        await stage.rescue()
        [current] = await stage.claim(session=SessionId(new_uuid7()))

        zombie = await stage.report(late, Outcome.succeeded("late"))
        rightful = await stage.report(current, Outcome.succeeded("in time"))

        assert (Verdict.LEASE_LOST, Verdict.APPLIED) == (zombie.verdict, rightful.verdict)
        assert late.epoch < current.epoch
        [ended] = await stage.tasks(started.instance_id)
        assert '"in time"' == ended.output
        await stage.assert_whole(started.instance_id)

    async def test_of_failure_is_tried_again_after_the_policys_delay(self, stage: Stage) -> None:
        """Not before: the clock moves, nobody sleeps."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()

        answer = await stage.fail(task)
        await stage.world.move_clock(timedelta(seconds=9))
        early = await stage.claim()
        await stage.world.move_clock(timedelta(seconds=2))
        [second] = await stage.claim()

        assert ("waiting", []) == (answer.status, early)
        assert (2, task.idempotency_key) == (second.attempt, second.idempotency_key)
        assert task.epoch < second.epoch
        assert "TASK_RETRY_SCHEDULED" == (await stage.types(started.instance_id))[-1]

    async def test_of_the_last_failure_takes_the_error_transition(self, stage: Stage) -> None:
        """Attempts never exceed the most there may be, and the end is visible."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        attempts = []
        for _ in range(3):
            [task] = await stage.claim()
            attempts.append(task.attempt)
            await stage.fail(task)
            await stage.world.move_clock(timedelta(minutes=1))

        assert [1, 2, 3] == attempts
        instance = await stage.instance(started.instance_id)
        assert ("completed", '"unpaid"') == (instance.status, instance.current_state)
        [ended] = await stage.tasks(started.instance_id)
        assert ("failed", 3) == (ended.status_now, ended.attempt)
        assert [] == await stage.claim()
        await stage.assert_whole(started.instance_id)

    async def test_of_permanent_failure_is_not_tried_again(self, stage: Stage) -> None:
        """The handler knows that it is of no use."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()

        answer = await stage.fail(task, retryable=False)

        assert Verdict.APPLIED == answer.verdict
        assert '"unpaid"' == (await stage.instance(started.instance_id)).current_state

    async def test_for_a_task_that_never_was_is_refused(self, stage: Stage) -> None:
        """The verdict says so; the stream goes on."""
        await stage.define(specs.ONE_TASK)
        await stage.start()
        [task] = await stage.claim()

        answer = await stage.orchestrator.submit(_of_ordinal(task, 99))

        assert Verdict.REFUSED == answer.verdict


class TestAnExpiredLease:
    async def test_hands_the_task_on_without_counting_the_attempt(self, stage: Stage) -> None:
        """A crashed executor is not the task's fault."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [first] = await stage.claim()
        await stage.world.move_clock(timedelta(minutes=5))

        rescued = await stage.rescue()
        [second] = await stage.claim(session=SessionId(new_uuid7()))

        assert (1, 1, 1) == (rescued, first.attempt, second.attempt)
        assert first.epoch < second.epoch
        assert "TASK_RETRY_SCHEDULED" in await stage.types(started.instance_id)
        await stage.assert_whole(started.instance_id)


class TestALongAttempt:
    async def test_is_recorded_as_started_once(self, stage: Stage) -> None:
        """By its first heartbeat, and neither by the next one nor by its outcome again."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()

        await stage.begin(task)
        await stage.begin(task)
        [running] = await stage.tasks(started.instance_id)
        answer = await stage.report(task, Outcome.succeeded())

        assert ("running", stage.session) == (running.status, running.session_id)
        assert Verdict.APPLIED == answer.verdict
        assert 1 == (await stage.types(started.instance_id)).count("TASK_STARTED")
        await stage.assert_whole(started.instance_id)

    async def test_that_vanishes_is_handed_on_and_started_anew(self, stage: Stage) -> None:
        """The next attempt is another: its start is recorded too, and the zombie's outcome not."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [late] = await stage.claim()
        await stage.begin(late)
        await stage.world.move_clock(timedelta(minutes=5))
        await stage.rescue()
        [current] = await stage.claim(session=SessionId(new_uuid7()))

        zombie = await stage.report(late, Outcome.succeeded())
        await stage.report(current, Outcome.succeeded())

        assert Verdict.LEASE_LOST == zombie.verdict
        assert 2 == (await stage.types(started.instance_id)).count("TASK_STARTED")
        await stage.assert_whole(started.instance_id)

    async def test_of_a_system_task_is_not_for_people_to_end(self, stage: Stage) -> None:
        """It runs, but it is not parked: somebody holds it."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.begin(task)

        with pytest.raises(PreconditionFailed) as raised:
            await stage.settle(started.instance_id, task.ordinal)

        assert "TASK_NOT_COMPLETABLE" == raised.value.reason


def _of_ordinal(task: ClaimedTask, ordinal: int) -> Request:
    return Request(
        tenant_id=task.tenant_id,
        instance_id=task.instance_id,
        asked=Report(ordinal=ordinal, epoch=task.epoch, outcome=Outcome.succeeded()),
    )
