"""An instance that rests: what comes meanwhile is kept, and nothing of it is lost."""

from datetime import timedelta
from typing import Any

import pytest

from shared.errors import PreconditionFailed
from shared.tasks import Outcome
from tests.orchestrator import specs
from tests.orchestrator.stage import Stage

HOUR = timedelta(hours=1)
WAITS: dict[str, Any] = {
    "context": {},
    "initial": "wait",
    "states": {
        "wait": {"after": {"PT1H": "late"}, "on": {"GO": "on_time"}},
        "late": {"type": "final"},
        "on_time": {"type": "final"},
    },
}
RETRIES: dict[str, Any] = {
    "context": {},
    "initial": "work",
    "states": {
        "work": {
            "invoke": {
                "id": "work",
                "src": "system.work",
                "retry": {"initial": "PT1M", "jitter": 0},
                "onDone": "done",
            }
        },
        "done": {"type": "final"},
    },
}


class TestAPausedInstance:
    async def test_hands_out_no_task(self, stage: Stage) -> None:
        """What was ready waits, whoever claims, and is ready again once it goes on."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()

        await stage.pause(started.instance_id)
        assert [] == await stage.claim()
        assert [] == await stage.claim()
        await stage.resume(started.instance_id)

        assert 1 == len(await stage.claim())

    async def test_keeps_how_its_tasks_end(self, stage: Stage) -> None:
        """An attempt under way may finish; the instance learns of it when it goes on."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.pause(started.instance_id)

        answer = await stage.report(task, Outcome.succeeded({"n": 1}))
        repeated = await stage.report(task, Outcome.succeeded({"n": 1}))
        assert ["APPLIED", "DUPLICATE"] == [
            one.verdict.name for one in (answer, repeated) if one.verdict
        ]
        assert (await stage.instance(started.instance_id)).completed_at is None
        assert "TASK_COMPLETED" not in await stage.types(started.instance_id)
        await stage.assert_whole(started.instance_id)

        assert "completed" == (await stage.resume(started.instance_id)).status
        assert ["succeeded"] == [t.status_now for t in await stage.tasks(started.instance_id)]
        await stage.assert_whole(started.instance_id)

    async def test_puts_events_off_until_it_goes_on(self, stage: Stage) -> None:
        """In the order in which they were accepted."""
        await stage.define(WAITS)
        started = await stage.start()
        await stage.pause(started.instance_id)

        assert "DEFERRED" == (await stage.send(started.instance_id, "GO")).disposition
        assert "completed" == (await stage.resume(started.instance_id)).status

    async def test_withholds_the_next_attempt(self, stage: Stage) -> None:
        """A failed attempt is followed by another only when the instance goes on."""
        await stage.define(RETRIES)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.pause(started.instance_id)
        await stage.fail(task)
        await stage.world.move_clock(HOUR)
        assert [] == await stage.claim()

        await stage.resume(started.instance_id)

        assert [2] == [one.attempt for one in await stage.claim()]

    async def test_fires_no_timer(self, stage: Stage) -> None:
        """One that fell due meanwhile fires when the instance goes on."""
        await stage.define(WAITS)
        started = await stage.start()
        await stage.pause(started.instance_id)
        await stage.world.move_clock(HOUR)
        assert 0 == await stage.fire_due()

        await stage.resume(started.instance_id)
        assert 1 == await stage.fire_due()

        assert '"late"' == (await stage.instance(started.instance_id)).current_state
        await stage.assert_whole(started.instance_id)

    async def test_can_have_its_timers_shifted(self, stage: Stage) -> None:
        """What was left of the wait is left of it still."""
        await stage.define(WAITS)
        started = await stage.start()
        await stage.pause(started.instance_id)
        await stage.world.move_clock(HOUR)

        await stage.resume(started.instance_id, shifts_timers=True)
        assert 0 == await stage.fire_due()
        await stage.world.move_clock(HOUR)

        assert 1 == await stage.fire_due()
        await stage.assert_whole(started.instance_id)

    async def test_is_cancelled_all_the_same(self, stage: Stage) -> None:
        """Its exit actions run, so it goes on for that."""
        await stage.define(WAITS)
        started = await stage.start()
        await stage.pause(started.instance_id)

        assert "cancelled" == (await stage.cancel(started.instance_id)).status
        await stage.assert_whole(started.instance_id)

    async def test_says_of_outcomes_it_never_took_in_how_they_were(self, stage: Stage) -> None:
        """Terminated during the pause, it lets the history tell what its task had done."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.pause(started.instance_id)
        await stage.report(task, Outcome.succeeded())

        await stage.terminate(started.instance_id)

        assert "TASK_STOPPED" in await stage.types(started.instance_id)
        await stage.assert_whole(started.instance_id)


class TestPausing:
    async def test_twice_is_harmless(self, stage: Stage) -> None:
        """It rests already; so does one that goes on go on."""
        await stage.define(WAITS)
        started = await stage.start()
        await stage.pause(started.instance_id)

        assert (await stage.pause(started.instance_id)).duplicate
        await stage.resume(started.instance_id)
        assert (await stage.resume(started.instance_id)).duplicate

    async def test_is_refused_for_what_has_ended(self, stage: Stage) -> None:
        """There is nothing to hold."""
        await stage.define(WAITS)
        started = await stage.start()
        await stage.terminate(started.instance_id)

        with pytest.raises(PreconditionFailed, match="has ended"):
            await stage.pause(started.instance_id)
