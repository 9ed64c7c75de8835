"""Instances that start instances: told of their ends, and ended with their parents."""

from collections.abc import Sequence
from typing import Any

from control_plane.loops.courier import MAX_DEPTH, Courier
from control_plane.ports.outbox import Delivery
from shared import json
from shared.ids import child_instance_id
from shared.tasks import Outcome
from tests.contract.worlds import ACME
from tests.orchestrator import specs
from tests.orchestrator.stage import Stage


def parent(key: str = "child", **invoke: Any) -> dict[str, Any]:
    return {
        "context": {},
        "initial": "child",
        "states": {
            "child": {
                "invoke": {
                    "id": "child",
                    "src": f"workflow.{key}",
                    "input": {"n": 1},
                    "onDone": {
                        "target": "good",
                        "actions": {
                            "type": "@assign",
                            "context": {"got": {"@expr": "event.output"}},
                        },
                    },
                    "onError": {
                        "target": "bad",
                        "actions": {
                            "type": "@assign",
                            "context": {"got": {"@expr": "event.error.kind"}},
                        },
                    },
                    **invoke,
                },
                "on": {"LEAVE": "left"},
            },
            "good": {"type": "final"},
            "bad": {"type": "final"},
            "left": {"type": "final"},
        },
    }


class KeepsAll:
    """An outbox that never learns that something was delivered."""

    def __init__(self, said: Sequence[Delivery]) -> None:
        self._said = said

    async def undelivered(self, limit: int, *, after: int = 0) -> Sequence[Delivery]:
        return [one for one in self._said if one.position > after][:limit]

    async def delivered(self, deliveries: Sequence[Delivery]) -> None:
        """A crash came between."""


class TestAChild:
    async def test_is_started_with_its_input_and_tells_its_output(self, stage: Stage) -> None:
        """The parent waits for it as for a task."""
        await stage.define(specs.FRAGILE, "child")
        await stage.define(parent())
        started = await stage.start()
        assert "waiting" == started.status
        await stage.deliver()
        child = await stage.instance(child_instance_id(started.instance_id, 1))
        assert (started.instance_id, 1, 1) == (
            child.parent_instance_id,
            child.parent_ordinal,
            child.depth,
        )

        [task] = await stage.claim()
        await stage.report(task, Outcome.succeeded({"paid": True}))
        await stage.deliver()

        ended = await stage.instance(started.instance_id)
        assert ('"good"', "completed") == (ended.current_state, ended.status)
        assert ["succeeded"] == [t.status_now for t in await stage.tasks(started.instance_id)]
        await stage.assert_whole(started.instance_id)
        await stage.assert_whole(child.instance_id)

    async def test_that_fails_takes_the_error_path(self, stage: Stage) -> None:
        """The error says which instance, and why it failed."""
        await stage.define(specs.FRAGILE, "child")
        await stage.define(parent())
        started = await stage.start()
        await stage.deliver()
        [task] = await stage.claim()
        await stage.fail(task, retryable=False)
        await stage.deliver()

        ended = await stage.instance(started.instance_id)
        assert {"got": "child.failed"} == json.load(ended.context)
        await stage.assert_whole(started.instance_id)

    async def test_that_cannot_be_started_takes_the_error_path(self, stage: Stage) -> None:
        """There is no such definition."""
        await stage.define(parent())
        started = await stage.start()
        await stage.deliver()

        ended = await stage.instance(started.instance_id)
        assert {"got": "child.not_started"} == json.load(ended.context)

    async def test_ends_when_its_parent_leaves_the_state(self, stage: Stage) -> None:
        """In order: its own exits run, its tasks are called off."""
        await stage.define(specs.FRAGILE, "child")
        await stage.define(parent())
        started = await stage.start()
        await stage.deliver()

        await stage.send(started.instance_id, "LEAVE")
        await stage.deliver()

        child = await stage.instance(child_instance_id(started.instance_id, 1))
        assert "cancelled" == child.status
        assert [] == await stage.claim()

    async def test_can_outlive_its_parent(self, stage: Stage) -> None:
        """Where the definition says so."""
        await stage.define(specs.FRAGILE, "child")
        await stage.define(parent(onParentClose="abandon"))
        started = await stage.start()
        await stage.deliver()

        await stage.send(started.instance_id, "LEAVE")
        await stage.deliver()

        child = await stage.instance(child_instance_id(started.instance_id, 1))
        assert "running" == child.status

    async def test_can_be_of_a_version_that_is_not_active(self, stage: Stage) -> None:
        """A parent that pins one is not changed by a newer child."""
        await stage.define(specs.REVIEW, "child")
        await stage.define(specs.FRAGILE, "child")
        await stage.define(parent(version=1, businessKey={"@expr": "'k'"}))
        started = await stage.start()
        await stage.deliver()

        child = await stage.instance(child_instance_id(started.instance_id, 1))
        assert (1, "k") == (child.definition_version, child.business_key)

    async def test_ends_with_a_parent_that_is_terminated(self, stage: Stage) -> None:
        """At once, as its parent did; and so do its children."""
        await stage.define(specs.FRAGILE, "child")
        await stage.define(parent())
        started = await stage.start()
        await stage.deliver()

        await stage.terminate(started.instance_id)
        await stage.deliver()

        child = child_instance_id(started.instance_id, 1)
        assert "INSTANCE_TERMINATED" in await stage.types(child)

    async def test_of_a_retried_parent_is_started_anew(self, stage: Stage) -> None:
        """The failed one stays as it ended."""
        spec = parent()
        del spec["states"]["child"]["invoke"]["onError"]
        await stage.define(specs.FRAGILE, "child")
        await stage.define(spec)
        started = await stage.start()
        await stage.deliver()
        [task] = await stage.claim()
        await stage.fail(task, retryable=False)
        await stage.deliver()
        assert "failed" == (await stage.instance(started.instance_id)).status

        await stage.retry(started.instance_id)
        await stage.deliver()
        [again] = await stage.claim()
        assert child_instance_id(started.instance_id, 2) == again.instance_id
        await stage.report(again, Outcome.succeeded())
        await stage.deliver()

        assert "completed" == (await stage.instance(started.instance_id)).status
        await stage.assert_whole(started.instance_id)

    async def test_of_a_definition_that_starts_itself_comes_to_an_end(self, stage: Stage) -> None:
        """At a named depth the next child is refused."""
        await stage.define(parent("order"))
        started = await stage.start()
        await stage.deliver()

        depth = 0
        innermost = started.instance_id
        while True:
            below = child_instance_id(innermost, 1)
            if await stage.world.reader.get_instance(ACME, below) is None:
                break
            innermost, depth = below, depth + 1
        assert MAX_DEPTH == depth
        assert "completed" == (await stage.instance(started.instance_id)).status

    async def test_is_told_of_once(self, stage: Stage) -> None:
        """A message that is delivered again changes nothing."""
        await stage.define(specs.FRAGILE, "child")
        await stage.define(parent())
        started = await stage.start()
        said = await stage.world.outbox.undelivered(10)
        courier = Courier(KeepsAll(said), stage.orchestrator, poll_s=1.0)
        await courier.deliver()
        before = await stage.instance(child_instance_id(started.instance_id, 1))

        await courier.deliver()

        after = await stage.instance(before.instance_id)
        assert before.revision == after.revision
