"""Taking up what failed: an instance from where it stood, a dead task by itself."""

from datetime import timedelta
from typing import Any

import pytest

from control_plane.orchestrator import OnClosed
from shared.errors import AlreadyExists, PreconditionFailed
from shared.ids import idempotency_key
from shared.tasks import Outcome
from tests.orchestrator import specs
from tests.orchestrator.stage import Stage

DETACHED: dict[str, Any] = {
    "context": {},
    "initial": "wait",
    "states": {
        "wait": {
            "entry": {
                "type": "createTask",
                "params": {
                    "name": "mail",
                    "type": "SYSTEM",
                    "function": "mail",
                    "detached": True,
                    "retry": {"maxAttempts": 1},
                },
            },
            "on": {"GO": "done"},
        },
        "done": {"type": "final"},
    },
}
HURRIED: dict[str, Any] = {
    "context": {},
    "initial": "work",
    "states": {
        "work": {
            "invoke": {
                "id": "work",
                "src": "system.work",
                "timeout": {"scheduleToStart": "PT1M"},
                "onDone": "done",
                "onError": "late",
            }
        },
        "done": {"type": "final"},
        "late": {"type": "final"},
    },
}


class TestAFailedInstance:
    async def test_goes_on_from_where_it_failed(self, stage: Stage) -> None:
        """Its task is created anew, and its effect keeps its key."""
        await stage.define(specs.FRAGILE)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.fail(task, retryable=False)
        assert "failed" == (await stage.instance(started.instance_id)).status

        await stage.retry(started.instance_id)
        [again] = await stage.claim()
        assert (2, 1) == (again.ordinal, again.attempt)
        assert idempotency_key(started.instance_id, 1) == again.idempotency_key
        await stage.report(again, Outcome.succeeded())

        assert "completed" == (await stage.instance(started.instance_id)).status
        assert ["failed", "succeeded"] == [
            one.status_now for one in await stage.tasks(started.instance_id)
        ]
        await stage.assert_whole(started.instance_id)

    async def test_retried_twice_is_retried_once(self, stage: Stage) -> None:
        """It is under way already."""
        await stage.define(specs.FRAGILE)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.fail(task, retryable=False)
        await stage.retry(started.instance_id)

        assert (await stage.retry(started.instance_id)).duplicate
        assert 2 == len(await stage.tasks(started.instance_id))

    async def test_stays_failed_once_its_business_key_is_another_s(self, stage: Stage) -> None:
        """There is one live instance of a key, or none."""
        await stage.define(specs.FRAGILE)
        started = await stage.start(business_key="k", on_closed=OnClosed.ALLOW)
        [task] = await stage.claim()
        await stage.fail(task, retryable=False)
        await stage.start(business_key="k", on_closed=OnClosed.ALLOW)

        with pytest.raises(AlreadyExists, match="newer instance"):
            await stage.retry(started.instance_id)

    async def test_takes_its_business_key_back(self, stage: Stage) -> None:
        """A start that would have followed it finds it alive."""
        await stage.define(specs.FRAGILE)
        started = await stage.start(business_key="k", on_closed=OnClosed.ALLOW)
        [task] = await stage.claim()
        await stage.fail(task, retryable=False)

        await stage.retry(started.instance_id)
        follower = await stage.start(business_key="k", on_closed=OnClosed.ALLOW)

        assert started.instance_id == follower.instance_id

    async def test_alone_can_be_retried(self, stage: Stage) -> None:
        """What was cancelled stays cancelled."""
        await stage.define(specs.FRAGILE)
        started = await stage.start()
        await stage.cancel(started.instance_id)

        with pytest.raises(PreconditionFailed, match="only a failed one"):
            await stage.retry(started.instance_id)


class TestADeadTask:
    async def test_that_nobody_waits_for_is_redriven_by_itself(self, stage: Stage) -> None:
        """Its instance goes its way; the new task is told of as the old one would have been."""
        await stage.define(DETACHED)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.fail(task)

        await stage.redrive(started.instance_id, 1)
        [again] = await stage.claim()
        assert task.idempotency_key == again.idempotency_key
        await stage.report(again, Outcome.succeeded())

        assert ["failed", "succeeded"] == [
            one.status_now for one in await stage.tasks(started.instance_id)
        ]
        await stage.assert_whole(started.instance_id)

    async def test_is_redriven_even_when_its_instance_has_ended(self, stage: Stage) -> None:
        """A dead letter outlives the process it came from."""
        await stage.define(DETACHED)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.fail(task)
        await stage.send(started.instance_id, "GO")

        await stage.redrive(started.instance_id, 1)
        [again] = await stage.claim()
        await stage.report(again, Outcome.succeeded())

        assert "completed" == (await stage.instance(started.instance_id)).status
        await stage.assert_whole(started.instance_id)

    async def test_whose_failure_was_answered_is_not(self, stage: Stage) -> None:
        """The instance took its error path; the task's success would come to nobody."""
        await stage.define(HURRIED)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.fail(task, retryable=False)

        with pytest.raises(PreconditionFailed, match="moved on"):
            await stage.redrive(started.instance_id, 1)


class TestAStartDeadline:
    async def test_fails_a_task_that_nobody_begins(self, stage: Stage) -> None:
        """No executor takes its queue, and the definition has an answer to that."""
        await stage.define(HURRIED)
        started = await stage.start()
        await stage.world.move_clock(timedelta(minutes=1))

        await stage.fire_due()

        assert '"late"' == (await stage.instance(started.instance_id)).current_state
        assert [] == await stage.claim()
        await stage.assert_whole(started.instance_id)

    async def test_leaves_a_task_alone_that_somebody_has(self, stage: Stage) -> None:
        """It was begun in time."""
        await stage.define(HURRIED)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.world.move_clock(timedelta(minutes=1))

        await stage.fire_due()
        assert 0 == await stage.fire_due()
        await stage.report(task, Outcome.succeeded())

        assert '"done"' == (await stage.instance(started.instance_id)).current_state

    async def test_begins_anew_with_each_attempt(self, stage: Stage) -> None:
        """What counts is the wait, not the work before it."""
        await stage.define(HURRIED)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.world.move_clock(timedelta(seconds=50))
        await stage.fail(task)
        await stage.world.move_clock(timedelta(seconds=20))
        await stage.fire_due()

        assert '"work"' == (await stage.instance(started.instance_id)).current_state
