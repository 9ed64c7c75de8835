"""In which trace a task is asked for: what calls for it, or what it follows where nobody calls."""

from datetime import timedelta
from typing import Any

from shared.ids import child_instance_id
from shared.tasks import Outcome
from shared.telemetry.call_names import enter_call
from tests.orchestrator.stage import Stage

STARTED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
WOKEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

SPEC: dict[str, Any] = {
    "context": {},
    "initial": "resting",
    "states": {
        "resting": {"after": {"PT1H": "first"}, "on": {"GO": "first"}},
        "first": {"invoke": {"id": "first", "src": "system.work", "onDone": "second"}},
        "second": {"invoke": {"id": "second", "src": "workflow.child", "onDone": "third"}},
        "third": {"invoke": {"id": "third", "src": "system.work", "onDone": "over"}},
        "over": {"type": "final"},
    },
}
CHILD: dict[str, Any] = {
    "context": {},
    "initial": "working",
    "states": {
        "working": {"invoke": {"id": "work", "src": "system.work", "onDone": "over"}},
        "over": {"type": "final"},
    },
}


class TestATrace:
    async def test_goes_on_over_timers_outcomes_and_children(self, stage: Stage) -> None:
        """Nobody calls for any of them: without it each would be found alone, or not at all."""
        await stage.define(SPEC)
        await stage.define(CHILD, "child")
        enter_call("c0ffee", STARTED)
        started = await stage.start()
        enter_call("", None)

        await stage.world.move_clock(timedelta(hours=1))
        await stage.fire_due()
        for _ in range(3):
            [task] = await stage.claim()
            assert (STARTED, STARTED[3:35]) == (task.trace_parent, task.trace_id)
            await stage.report(task, Outcome.succeeded())
            await stage.deliver()

        ended = await stage.instance(started.instance_id)
        child = await stage.instance(child_instance_id(started.instance_id, 2))
        assert ("completed", STARTED, STARTED) == (
            ended.status,
            ended.trace_parent,
            child.trace_parent,
        )

    async def test_of_a_call_that_wakes_an_instance_is_the_caller_s(self, stage: Stage) -> None:
        """What follows is in that one; the answer says what is to be linked."""
        await stage.define(SPEC)
        await stage.define(CHILD, "child")
        enter_call("c0ffee", STARTED)
        started = await stage.start()
        enter_call("c0ffee", WOKEN)
        woken = await stage.send(started.instance_id, "GO")
        enter_call("", None)
        [task] = await stage.claim()
        told = await stage.report(task, Outcome.succeeded())
        await stage.deliver()
        [of_child] = await stage.claim()

        assert (STARTED, WOKEN) == (woken.cause, told.cause)
        assert [WOKEN, WOKEN] == [task.trace_parent, of_child.trace_parent]
