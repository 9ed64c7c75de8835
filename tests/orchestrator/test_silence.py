"""Attempts that do not say in time that they go on."""

from datetime import timedelta
from typing import Any

from control_plane.orchestrator import FallSilent, Verdict
from control_plane.orchestrator.answer import Answer
from control_plane.ports.claims import Beat, HeldTask
from shared import json
from shared.tasks import ClaimedTask, Outcome
from tests.contract.worlds import ACME
from tests.orchestrator.stage import Stage

BEATS = timedelta(seconds=10)
CRAWL: dict[str, Any] = {
    "id": "order",
    "initial": "crawling",
    "states": {
        "crawling": {
            "invoke": {
                "id": "crawl",
                "src": "system.crawl",
                "timeout": {"heartbeat": "PT10S"},
                "retry": {"maxAttempts": 2, "initial": "PT1S", "factor": 1, "jitter": 0},
                "onDone": "done",
                "onError": "failed",
            }
        },
        "done": {"type": "final"},
        "failed": {"type": "final"},
    },
}


async def fall_silent(stage: Stage) -> list[Answer]:
    """What the rescuer does, once."""
    return [
        await stage.orchestrator.submit(
            stage.request(one.instance_id, FallSilent(ordinal=one.ordinal, epoch=one.epoch))
        )
        for one in await stage.world.due.silent_leases(10)
    ]


async def beat(stage: Stage, task: ClaimedTask) -> None:
    """The attempt goes on."""
    held = HeldTask(task.instance_id, task.ordinal, task.epoch)
    await stage.world.claims.beat([Beat(ACME, held, None)])


class TestASilentAttempt:
    async def test_fails_and_is_followed_by_another(self, stage: Stage) -> None:
        """As the policy says; what it reports thereafter does not count."""
        await stage.define(CRAWL)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.world.move_clock(BEATS)
        await fall_silent(stage)
        late = await stage.report(task, Outcome.succeeded())
        await stage.world.move_clock(timedelta(seconds=1))
        [again] = await stage.claim()

        assert (2, 2) == (again.attempt, again.epoch)
        assert Verdict.DUPLICATE == late.verdict
        types = await stage.types(started.instance_id)
        assert ["TASK_STARTED", "TASK_RETRY_SCHEDULED"] == types[-2:]
        await stage.assert_whole(started.instance_id)

    async def test_ends_its_task_when_there_are_no_more(self, stage: Stage) -> None:
        """The instance hears why."""
        await stage.define(CRAWL)
        started = await stage.start()
        for _ in range(2):
            await stage.claim()
            await stage.world.move_clock(BEATS)
            await fall_silent(stage)
            await stage.world.move_clock(timedelta(seconds=1))
        [task] = await stage.tasks(started.instance_id)
        error = json.load(task.error or "null")

        assert ("failed", "failed") == (
            task.status,
            json.load((await stage.instance(started.instance_id)).current_state),
        )
        assert isinstance(error, dict)
        assert "timeout.heartbeat" == error["kind"]
        await stage.assert_whole(started.instance_id)

    async def test_is_not_one_that_has_been_heard_of_since(self, stage: Stage) -> None:
        """Between the look and the turn it said that it goes on."""
        await stage.define(CRAWL)
        await stage.start()
        [task] = await stage.claim()
        await stage.world.move_clock(BEATS)
        [found] = await stage.world.due.silent_leases(10)
        await beat(stage, task)
        answer = await stage.orchestrator.submit(
            stage.request(found.instance_id, FallSilent(ordinal=found.ordinal, epoch=found.epoch))
        )

        assert "IGNORED" == answer.disposition
        assert Verdict.APPLIED == (await stage.report(task, Outcome.succeeded())).verdict

    async def test_is_not_one_that_goes_on_saying_so(self, stage: Stage) -> None:
        """However long it takes in all."""
        await stage.define(CRAWL)
        await stage.start()
        [task] = await stage.claim()
        for _ in range(3):
            await stage.world.move_clock(0.9 * BEATS)
            await beat(stage, task)

        assert [] == await fall_silent(stage)

    async def test_of_a_paused_instance_fails_all_the_same(self, stage: Stage) -> None:
        """The pause keeps its next attempt back, and not the word of this one."""
        await stage.define(CRAWL)
        started = await stage.start()
        await stage.claim()
        await stage.pause(started.instance_id)
        await stage.world.move_clock(BEATS)
        await fall_silent(stage)
        while_paused = await stage.claim()
        await stage.resume(started.instance_id)
        await stage.world.move_clock(timedelta(seconds=1))

        assert ([], 1) == (while_paused, len(await stage.claim()))
        await stage.assert_whole(started.instance_id)
