"""Events that somebody wrote into the inbox are applied once, in order, before anything newer."""

from typing import Any

from control_plane.orchestrator import ApplyInbox
from control_plane.ports.instance_store import Wanted
from control_plane.ports.records import InstanceKey
from shared.ids import InstanceId
from tests.contract.worlds import ACME
from tests.orchestrator.stage import Stage

COUNTING: dict[str, Any] = {
    "initial": "open",
    "context": {"seen": []},
    "states": {
        "open": {
            "on": {
                "ADD": {"actions": "note"},
                "LATER": "shut",
                "END": "done",
            }
        },
        "shut": {"on": {"BACK": "open"}},
        "done": {"type": "final"},
    },
    "actions": {
        "note": {"type": "@assign", "context": {"seen": {"@expr": "context.seen + [event.n]"}}}
    },
    "unhandled": "defer",
}


async def begun(stage: Stage, **changes: Any) -> InstanceKey:
    """An instance that notes what it is sent."""
    key = await stage.define({**COUNTING, **changes}, key="counting")
    return InstanceKey(ACME, (await stage.start(key)).instance_id)


async def apply(stage: Stage, key: InstanceKey) -> None:
    await stage.orchestrator.submit(stage.request(key.instance_id, ApplyInbox()))


async def context(stage: Stage, instance_id: InstanceId) -> str:
    return (await stage.instance(instance_id)).context


async def waiting(stage: Stage, key: InstanceKey) -> list[str]:
    read = await stage.world.store.read(Wanted(instances=[key]))
    return [event.event_id for event in read.inbox.get(key, ())]


async def rejections(stage: Stage, key: InstanceKey) -> list[str]:
    """The reasons in the history."""
    return [
        entry.payload.split('"reason":"', 1)[1].split('"', 1)[0]
        for entry in await stage.history(key.instance_id)
        if entry.type == "EVENT_REJECTED"
    ]


class TestAnEventInTheInbox:
    async def test_is_applied_in_accepted_order(self, stage: Stage) -> None:
        """As if it had been sent."""
        key = await begun(stage)
        for n in (1, 2, 3):
            await stage.world.accept(key, f"e{n}", "ADD", f'{{"n":{n}}}')

        await apply(stage, key)

        assert '{"seen":[1,2,3]}' == await context(stage, key.instance_id)
        assert [] == await waiting(stage, key)
        await stage.assert_whole(key.instance_id)

    async def test_is_applied_before_what_is_sent_later(self, stage: Stage) -> None:
        """Whoever wrote it was first."""
        key = await begun(stage)
        await stage.world.accept(key, "first", "ADD", '{"n":1}')

        await stage.send(key.instance_id, "ADD", {"n": 2}, event_id="second")

        assert '{"seen":[1,2]}' == await context(stage, key.instance_id)

    async def test_is_applied_before_a_cancel_that_came_later(self, stage: Stage) -> None:
        """Everything newer waits, not just events."""
        key = await begun(stage)
        await stage.world.accept(key, "first", "ADD", '{"n":1}')

        await stage.cancel(key.instance_id)

        assert '{"seen":[1]}' == await context(stage, key.instance_id)
        assert [] == await rejections(stage, key)

    async def test_that_was_sent_before_is_a_repeat(self, stage: Stage) -> None:
        """By whatever way it came first."""
        key = await begun(stage)
        await stage.send(key.instance_id, "ADD", {"n": 1}, event_id="e")
        await stage.world.accept(key, "e", "ADD", '{"n":1}')

        await apply(stage, key)

        assert '{"seen":[1]}' == await context(stage, key.instance_id)
        assert [] == await waiting(stage, key)
        assert [] == await rejections(stage, key)

    async def test_that_is_sent_again_is_a_repeat(self, stage: Stage) -> None:
        """Also when the repeat is what has the first applied."""
        key = await begun(stage)
        await stage.world.accept(key, "e", "ADD", '{"n":1}')

        at_once = await stage.send(key.instance_id, "ADD", {"n": 1}, event_id="e")
        later = await stage.send(key.instance_id, "ADD", {"n": 1}, event_id="e")

        assert (True, True) == (at_once.duplicate, later.duplicate)
        assert '{"seen":[1]}' == await context(stage, key.instance_id)

    async def test_under_the_id_of_another_is_rejected_where_it_can_be_read(
        self, stage: Stage
    ) -> None:
        """Nobody is there to be told."""
        key = await begun(stage)
        await stage.send(key.instance_id, "ADD", {"n": 1}, event_id="e")
        await stage.world.accept(key, "e", "ADD", '{"n":2}')

        await apply(stage, key)

        assert '{"seen":[1]}' == await context(stage, key.instance_id)
        assert ["IDEMPOTENCY_MISMATCH"] == await rejections(stage, key)
        assert [] == await waiting(stage, key)
        await stage.assert_whole(key.instance_id)

    async def test_that_cannot_be_taken_yet_waits_as_a_sent_one_does(self, stage: Stage) -> None:
        """And a repeat is told so."""
        key = await begun(stage)
        await stage.world.accept(key, "e", "BACK", "{}")

        await apply(stage, key)
        repeat = await stage.send(key.instance_id, "BACK", {}, event_id="e")

        assert ("DEFERRED", True) == (repeat.disposition, repeat.duplicate)
        assert ["e"] == await waiting(stage, key)
        assert [] == await stage.world.due.untried_inbox(10)

    async def test_that_its_instance_refuses_is_recorded_and_goes(self, stage: Stage) -> None:
        """A poll would find it again for ever."""
        key = await begun(stage, unhandled="reject")
        await stage.world.accept(key, "e", "NOBODY", "{}")

        await apply(stage, key)

        assert ["EVENT_NOT_ACCEPTED"] == await rejections(stage, key)
        assert [] == await waiting(stage, key)


class TestAnEventForAPausedInstance:
    async def test_waits_and_is_applied_when_it_goes_on(self, stage: Stage) -> None:
        """Nobody has to look at it until then."""
        key = await begun(stage)
        await stage.pause(key.instance_id)
        await stage.world.accept(key, "e", "ADD", '{"n":1}')

        await apply(stage, key)
        looked_at = await stage.world.due.untried_inbox(10)
        paused = await context(stage, key.instance_id)
        await stage.resume(key.instance_id)

        assert [] == looked_at
        assert '{"seen":[]}' == paused
        assert '{"seen":[1]}' == await context(stage, key.instance_id)
        await stage.assert_whole(key.instance_id)


class TestAnEventForAClosedInstance:
    async def test_is_turned_away_in_its_history(self, stage: Stage) -> None:
        """It was accepted, so it does not go without a word; and it does not stay."""
        key = await begun(stage)
        await stage.send(key.instance_id, "END")
        await stage.world.accept(key, "e", "ADD", '{"n":1}')

        await apply(stage, key)
        await apply(stage, key)

        assert ["INSTANCE_CLOSED"] == await rejections(stage, key)
        assert [] == await waiting(stage, key)
        assert "completed" == (await stage.instance(key.instance_id)).status
        await stage.assert_whole(key.instance_id)

    async def test_that_an_event_before_it_closed_is_turned_away_too(self, stage: Stage) -> None:
        """Both were there when the turn began."""
        key = await begun(stage)
        await stage.world.accept(key, "a", "END", "{}")
        await stage.world.accept(key, "b", "ADD", '{"n":1}')

        await apply(stage, key)

        assert ["INSTANCE_CLOSED"] == await rejections(stage, key)
        assert [] == await waiting(stage, key)
