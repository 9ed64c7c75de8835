"""Outcomes of what was handed out: applied to what the last turn left, if it still stands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from control_plane.orchestrator import Answer, Fire, Machines, Orchestrator, Send, Verdict
from control_plane.orchestrator.turn import STILL_NOW
from control_plane.ports.due import DueTimer
from control_plane.ports.instance_store import Read, Wanted
from control_plane.ports.records import InstanceKey
from shared.ids import InstanceId
from tests.contract.worlds import ACME
from tests.orchestrator.stage import SESSION_TTL, Stage
from tests.orchestrator.test_handing_out import Executor

CHAIN: dict[str, Any] = {
    "id": "order",
    "context": {"notes": ""},
    "initial": "one",
    "on": {
        "NOTE": {
            "actions": {
                "type": "@assign",
                "context": {"notes": {"@expr": "context.notes + event.text"}},
            }
        }
    },
    "states": {
        "one": {"invoke": {"id": "first", "src": "system.noop", "onDone": "two"}},
        "two": {"invoke": {"id": "second", "src": "system.noop", "onDone": "three"}},
        "three": {"invoke": {"id": "third", "src": "system.noop", "onDone": "done"}},
        "done": {"type": "final"},
    },
}

PATIENT: dict[str, Any] = {
    "id": "order",
    "unhandled": "defer",
    "initial": "one",
    "states": {
        "one": {"invoke": {"id": "first", "src": "system.noop", "onDone": "two"}},
        "two": {"on": {"GO": "done"}},
        "done": {"type": "final"},
    },
}

PAIR: dict[str, Any] = {
    "id": "order",
    "initial": "both",
    "states": {
        "both": {
            "type": "parallel",
            "onDone": "done",
            "states": {
                name: {
                    "initial": "busy",
                    "states": {
                        "busy": {"invoke": {"id": name, "src": "system.noop", "onDone": "idle"}},
                        "idle": {"type": "final"},
                    },
                }
                for name in ("left", "right")
            },
        },
        "done": {"type": "final"},
    },
}


@dataclass
class Looks:
    """What the turns have read of instances since it was asked last."""

    wanted: list[Wanted] = field(default_factory=list)

    def count(self) -> int:
        count = sum(len(one.instances) + len(one.tasks) for one in self.wanted)
        self.wanted.clear()
        return count


@pytest.fixture
def looks(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Watches the stage's store."""
    seen, read = Looks(), stage.world.store.read

    async def watched(wanted: Wanted) -> Read:
        seen.wanted.append(wanted)
        return await read(wanted)

    monkeypatch.setattr(stage.world.store, "read", watched)
    return seen


@pytest.fixture
async def executor(stage: Stage) -> Executor:
    """One with room for ten tasks."""
    executor = Executor(stage)
    await executor.open()
    return executor


@asynccontextmanager
async def another_control_plane(stage: Stage) -> AsyncIterator[Orchestrator]:
    """On the same database; it has no executors."""
    other = Orchestrator(stage.world.store, Machines(stage.world.definitions), lambda _: None)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(other.run(stop))
        yield other
        stop.set()


class TestAnOutcomeOfATaskThatWasHandedOut:
    async def test_needs_nothing_to_be_read(
        self, stage: Stage, executor: Executor, looks: Looks
    ) -> None:
        """The instance stands as the commit that handed the task out has left it."""
        await stage.define(CHAIN)
        started = await stage.start()
        before = looks.count()
        verdicts = [await executor.report(started.instance_id, ordinal) for ordinal in (1, 2, 3)]

        assert (1, 0) == (before, looks.count())
        assert [Verdict.APPLIED] * 3 == verdicts
        assert "completed" == (await stage.instance(started.instance_id)).status
        await stage.assert_whole(started.instance_id)

    async def test_comes_after_what_was_written_into_the_inbox_before(
        self, stage: Stage, executor: Executor
    ) -> None:
        """A caller's event goes before anything newer, and its commit raises no revision."""
        await stage.define(CHAIN)
        started = await stage.start()
        key = (await stage.instance(started.instance_id)).key
        await stage.world.accept(key, "e", "NOTE", '{"text":"hello"}')
        await executor.report(started.instance_id, 1)
        types = await stage.types(started.instance_id)

        assert types.index("EVENT_RECEIVED") < types.index("TASK_COMPLETED")

    async def test_does_not_undo_what_another_control_plane_has_done(
        self, stage: Stage, executor: Executor, looks: Looks
    ) -> None:
        """The write finds another revision, and the next turn reads it."""
        await stage.define(CHAIN)
        started = await stage.start()
        async with another_control_plane(stage) as other:
            told = Send(event_id="", type="NOTE", payload={"text": "hello"}, expected_revision=None)
            await other.submit(stage.request(started.instance_id, told))
        looks.count()
        verdict = await executor.report(started.instance_id, 1)

        assert (Verdict.APPLIED, 2) == (verdict, looks.count())
        assert '{"notes":"hello"}' == (await stage.instance(started.instance_id)).context
        await stage.assert_whole(started.instance_id)

    async def test_by_a_later_epoch_is_judged_by_what_is_read(
        self, stage: Stage, executor: Executor
    ) -> None:
        """The task was lost and claimed again; memory knows of the first hand-out only."""
        await stage.define(CHAIN)
        started = await stage.start()
        await stage.world.move_clock(SESSION_TTL + timedelta(seconds=1))
        async with another_control_plane(stage) as other:
            ours, stage.orchestrator = stage.orchestrator, other
            await stage.rescue()
            stage.orchestrator = ours
        await stage.claim()
        late = await executor.report(started.instance_id, 1, epoch=1)
        good = await executor.report(started.instance_id, 1, epoch=2)

        assert (Verdict.LEASE_LOST, Verdict.APPLIED) == (late, good)
        await stage.assert_whole(started.instance_id)

    async def test_sent_twice_is_a_duplicate(self, stage: Stage, executor: Executor) -> None:
        """In one turn or in two."""
        await stage.define(CHAIN)
        started = await stage.start()
        verdicts = await asyncio.gather(
            *(executor.report(started.instance_id, 1) for _ in range(3))
        )
        again = await executor.report(started.instance_id, 1)

        assert [Verdict.APPLIED, Verdict.DUPLICATE, Verdict.DUPLICATE] == verdicts
        assert Verdict.DUPLICATE == again

    async def test_comes_after_what_waits_in_the_inbox(
        self, stage: Stage, executor: Executor, looks: Looks
    ) -> None:
        """An instance with events that wait is read, with them."""
        await stage.define(PATIENT)
        started = await stage.start()
        await stage.send(started.instance_id, "GO")
        looks.count()
        await executor.report(started.instance_id, 1)

        assert 2 == looks.count()
        assert "completed" == (await stage.instance(started.instance_id)).status
        await stage.assert_whole(started.instance_id)

    async def test_leaves_the_others_of_its_instance_as_they_were(
        self, stage: Stage, executor: Executor, looks: Looks
    ) -> None:
        """Each of many finds the instance as the one before has left it."""
        await stage.define(PAIR)
        started = await stage.start()
        looks.count()
        verdicts = [await executor.report(started.instance_id, ordinal) for ordinal in (1, 2)]

        assert ([Verdict.APPLIED] * 2, 0) == (verdicts, looks.count())
        assert "completed" == (await stage.instance(started.instance_id)).status
        await stage.assert_whole(started.instance_id)


ASLEEP: dict[str, Any] = {
    "id": "order",
    "context": {"notes": ""},
    "unhandled": "defer",
    "initial": "asleep",
    "states": {
        "asleep": {
            "after": {"PT1H": "awake"},
            "on": {"SHAKE": "awake", "TURN": {"target": "asleep", "reenter": True}},
        },
        "awake": {"on": {"REST": "asleep"}},
    },
}


async def asleep(stage: Stage) -> tuple[InstanceId, DueTimer]:
    """An instance whose timer is due by now, and that timer."""
    await stage.define(ASLEEP)
    started = await stage.start()
    await stage.world.move_clock(timedelta(hours=1))
    (timer,) = (await stage.world.due.timers(10)).timers
    return started.instance_id, timer


async def fire(stage: Stage, timer: DueTimer) -> str:
    """What becomes of the timer."""
    request = stage.request(timer.instance_id, Fire(timer_id=timer.timer_id, due=timer.due))
    return (await stage.orchestrator.submit(request)).disposition


async def foresee(stage: Stage, timer: DueTimer) -> None:
    fire = Fire(timer_id=timer.timer_id, due=timer.due)
    await stage.orchestrator.foresee({InstanceKey(ACME, timer.instance_id): fire})


class TestATimerThatWasForeseen:
    async def test_fires_without_a_look_at_its_instance(self, stage: Stage, looks: Looks) -> None:
        """It was read before, when there was time."""
        instance_id, timer = await asleep(stage)
        await foresee(stage, timer)
        looks.count()

        assert ("APPLIED", 0) == (await fire(stage, timer), looks.count())
        await stage.assert_whole(instance_id)

    async def test_is_decided_as_of_its_instant_and_not_kept_before(self, stage: Stage) -> None:
        """Deciding early is not firing early."""
        await stage.define(ASLEEP)
        instance_id = (await stage.start()).instance_id
        (timer,) = (await stage.world.due.timers(10, within=timedelta(hours=2))).timers
        await foresee(stage, timer)
        early = await fire(stage, timer)
        before = await stage.instance(instance_id)
        await foresee(stage, timer)
        await stage.world.move_clock(timedelta(hours=1))

        assert ("DEFERRED", 1) == (early, before.revision)
        assert "APPLIED" == await fire(stage, timer)
        assert timer.due == (await stage.instance(instance_id)).updated_at
        assert {timer.due} == {
            entry.created_at for entry in await stage.history(instance_id) if entry.seq > before.seq
        }
        assert [] == (await stage.world.due.timers(10)).timers
        await stage.assert_whole(instance_id)

    async def test_long_ago_is_decided_anew(self, stage: Stage) -> None:
        """Nobody is told that it is earlier than it is."""
        instance_id, timer = await asleep(stage)
        await foresee(stage, timer)
        await stage.world.move_clock(2 * STILL_NOW)

        assert "APPLIED" == await fire(stage, timer)
        assert timer.due + STILL_NOW < (await stage.instance(instance_id)).updated_at
        await stage.assert_whole(instance_id)

    async def test_meets_an_event_in_one_turn(self, stage: Stage) -> None:
        """Whichever is first in the lane is first."""
        instance_id, timer = await asleep(stage)
        await foresee(stage, timer)
        timed = stage.request(instance_id, Fire(timer_id=timer.timer_id, due=timer.due))
        sent = stage.request(instance_id, Send(event_id="e", type="REST", payload=None))

        told = await stage.orchestrator.submit_all([timed, sent])

        assert ["APPLIED", "APPLIED"] == [
            one.disposition for one in told if isinstance(one, Answer)
        ]
        await stage.assert_whole(instance_id)

    async def test_of_an_instance_that_moved_since_changes_nothing(
        self, stage: Stage, looks: Looks
    ) -> None:
        """Also if it moved where this orchestrator could not see it."""
        instance_id, timer = await asleep(stage)
        await foresee(stage, timer)
        async with another_control_plane(stage) as other:
            event = Send(event_id="", type="SHAKE", payload=None)
            await other.submit(stage.request(instance_id, event))

        assert "IGNORED" == await fire(stage, timer)
        assert 2 == (await stage.instance(instance_id)).revision
        await stage.assert_whole(instance_id)

    async def test_that_was_armed_anew_fires_at_its_new_instant_only(self, stage: Stage) -> None:
        """What is remembered knows it by the old one."""
        instance_id, timer = await asleep(stage)
        await foresee(stage, timer)
        await stage.send(instance_id, "TURN")
        await foresee(stage, timer)

        assert "IGNORED" == await fire(stage, timer)
        await stage.world.move_clock(timedelta(hours=1))
        (anew,) = (await stage.world.due.timers(10)).timers
        assert "APPLIED" == await fire(stage, anew)
        await stage.assert_whole(instance_id)

    async def test_lets_go_first_what_lies_in_the_inbox(self, stage: Stage) -> None:
        """Accepted is accepted: such an instance is read in its turn."""
        instance_id, timer = await asleep(stage)
        await stage.world.accept(InstanceKey(ACME, instance_id), "e", "SHAKE", "{}")
        await foresee(stage, timer)

        assert "IGNORED" == await fire(stage, timer)
        assert "TIMER_FIRED" not in await stage.types(instance_id)
        await stage.assert_whole(instance_id)

    async def test_of_a_paused_instance_is_put_off_like_any_other(self, stage: Stage) -> None:
        """A pause between the look and the instant is one that the turn finds."""
        instance_id, timer = await asleep(stage)
        await foresee(stage, timer)
        await stage.pause(instance_id)
        await foresee(stage, timer)

        assert "IGNORED" == await fire(stage, timer)


class TestWhatIsRemembered:
    async def test_is_bounded(
        self, stage: Stage, executor: Executor, looks: Looks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The oldest is forgotten, and read when it is asked for."""
        monkeypatch.setattr("control_plane.orchestrator.continuations.MAX_REMEMBERED", 1)
        await stage.define(CHAIN)
        first = await stage.start()
        second = await stage.start()
        looks.count()
        await executor.report(first.instance_id, 1)
        of_first = looks.count()
        await executor.report(second.instance_id, 1)

        assert (2, 2) == (of_first, looks.count())

    async def test_is_bounded_by_its_weight(
        self, stage: Stage, executor: Executor, looks: Looks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Large contexts take memory, however few they are."""
        monkeypatch.setattr("control_plane.orchestrator.continuations.MAX_WEIGHT", 10)
        await stage.define(CHAIN)
        started = await stage.start()
        looks.count()
        await executor.report(started.instance_id, 1)

        assert 2 == looks.count()
