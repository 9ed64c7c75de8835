"""What an operator does to an instance: end it at once, take it up again, let it go on."""

from datetime import timedelta
from typing import Any

from control_plane.engine import (
    ArmTimer,
    CancelTask,
    DisarmTimer,
    InstanceClosed,
    Redriven,
    RepeatTask,
    Resumed,
    Retried,
    Terminated,
)
from tests.engine.telling import Instance, expr, say

FRAGILE: dict[str, Any] = {
    "context": {},
    "initial": "work",
    "states": {
        "work": {
            "exit": say("-work"),
            "after": {"PT1H": "late"},
            "invoke": [
                {"id": "pay", "src": "system.pay", "onDone": "done"},
                {"id": "ask", "src": "human"},
            ],
        },
        "late": {},
        "done": {"type": "final"},
    },
}


class TestTerminating:
    def test_ends_at_once_and_runs_nothing(self) -> None:
        """Tasks and timers are called off; no exit action has a say."""
        it = Instance(FRAGILE)
        decision = it.tell(Terminated(reason="wrong tenant"))

        assert "cancelled" == it.snapshot.status
        assert [] == it.said
        *cancels, last = decision.commands
        assert [CancelTask(ordinal=1), CancelTask(ordinal=2)] == cancels
        assert isinstance(last, DisarmTimer)

    def test_is_folded_from_the_history(self) -> None:
        """The history says that it was no orderly cancel."""
        it = Instance(FRAGILE)
        it.tell(Terminated(reason="wrong tenant"))

        assert it.snapshot == it.folded()

    def test_of_an_ended_instance_is_refused(self) -> None:
        """What has ended stays as it ended."""
        it = Instance(FRAGILE)
        it.cancel()
        decision = it.tell(Terminated())

        assert InstanceClosed("cancelled") == decision.refusal


class TestRetrying:
    def test_repeats_every_task_that_was_open(self) -> None:
        """The one that failed and the one that was called off with it, under new numbers."""
        it = Instance(FRAGILE)
        it.fail(1)
        decision = it.tell(Retried(reason="the bank is back"))

        assert "active" == it.snapshot.status
        assert it.snapshot.error is None
        assert "work" == it.value
        assert [RepeatTask(ordinal=3, of=1), RepeatTask(ordinal=4, of=2)] == [
            one for one in decision.commands if isinstance(one, RepeatTask)
        ]

    def test_arms_the_timers_for_the_instants_they_had(self) -> None:
        """The failure did not move a deadline."""
        it = Instance(FRAGILE)
        due = next(iter(it.snapshot.timers.values())).due
        it.fail(1)
        it.wait(timedelta(hours=2))
        decision = it.tell(Retried())

        assert [due] == [one.due for one in decision.commands if isinstance(one, ArmTimer)]

    def test_goes_on_to_the_end(self) -> None:
        """The repeated task's outcome is told as that of the first would have been."""
        it = Instance(FRAGILE)
        it.fail(1)
        it.tell(Retried())
        it.succeed(3)

        assert "done" == it.snapshot.status

    def test_ignores_what_is_still_told_of_the_tasks_before(self) -> None:
        """Their numbers are nobody's any more."""
        it = Instance(FRAGILE)
        it.fail(1)
        it.tell(Retried())

        assert "IGNORED" == it.succeed(1).disposition

    def test_goes_on_inside_a_fan_out(self) -> None:
        """What had ended well stays; the items that failed or were called off come again."""
        it = Instance(
            {
                "context": {},
                "initial": "each",
                "states": {
                    "each": {
                        "invoke": {
                            "id": "each",
                            "src": "system.one",
                            "forEach": expr("[1, 2, 3]"),
                            "input": expr("item"),
                            "onDone": "end",
                        }
                    },
                    "end": {"type": "final"},
                },
            }
        )
        it.succeed(1, "a")
        it.fail(2)
        decision = it.tell(Retried())

        assert [2, 3] == [one.of for one in decision.commands if isinstance(one, RepeatTask)]
        it.succeed(4, "b")
        it.succeed(5, "c")
        assert "done" == it.snapshot.status

    def test_takes_up_a_compensation_that_failed(self) -> None:
        """An instance that was being cancelled goes on being cancelled."""
        it = Instance(
            {
                "context": {},
                "onCancel": "compensate",
                "initial": "book",
                "states": {
                    "book": {
                        "invoke": {
                            "id": "book",
                            "src": "system.book",
                            "compensation": {"src": "system.unbook"},
                            "onDone": "wait",
                        }
                    },
                    "wait": {},
                },
            }
        )
        it.succeed(1)
        it.cancel("changed my mind")
        it.fail(2)
        it.tell(Retried())
        it.succeed(3)

        assert "cancelled" == it.snapshot.status

    def test_survives_storing_and_is_folded_from_the_history(self) -> None:
        """A failed instance is stored with what it would go on with."""
        it = Instance(FRAGILE)
        it.fail(1)
        assert it.snapshot == it.reloaded() == it.folded()
        it.tell(Retried(reason="again"))

        assert it.snapshot == it.reloaded() == it.folded()

    def test_of_an_instance_that_has_not_failed_is_refused(self) -> None:
        """There is nothing to take up."""
        decision = Instance(FRAGILE).tell(Retried())

        assert InstanceClosed("active") == decision.refusal


class TestResuming:
    def test_arms_the_timers_as_they_were(self) -> None:
        """One that fell due during the pause fires at once."""
        it = Instance(FRAGILE)
        due = next(iter(it.snapshot.timers.values())).due
        decision = it.tell(Resumed())

        assert [due] == [one.due for one in decision.commands if isinstance(one, ArmTimer)]

    def test_can_shift_them_by_the_length_of_the_pause(self) -> None:
        """What was left of a wait is what is left of it now; the history tells."""
        it = Instance(FRAGILE)
        due = next(iter(it.snapshot.timers.values())).due
        it.tell(Resumed(shift=timedelta(minutes=5)))

        assert due + timedelta(minutes=5) == next(iter(it.snapshot.timers.values())).due
        assert it.snapshot == it.folded()


class TestRedriving:
    def test_repeats_a_dead_task_as_a_detached_one(self) -> None:
        """The instance went on without it, so it does not wait for it again."""
        it = Instance(FRAGILE)
        decision = it.tell(Redriven(of=1, name="pay", type="SYSTEM"))

        assert (RepeatTask(ordinal=3, of=1),) == decision.commands
        assert it.snapshot.tasks[3].detached
        assert frozenset({1}) == it.snapshot.redriven

    def test_is_stored_and_folded(self) -> None:
        """What was redriven once is known wherever the instance is loaded."""
        it = Instance(FRAGILE)
        it.tell(Redriven(of=1, name="pay", type="SYSTEM"))

        assert it.snapshot == it.reloaded() == it.folded()
