"""Events that come after a while."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest

from control_plane.engine import LimitExceeded, TimerFired
from control_plane.engine.limits import MAX_ARMED_TIMERS
from tests.engine.telling import NOW, Instance, assign, expr, raised, say

REVIEW: dict[str, Any] = {
    "id": "m",
    "initial": "review",
    "states": {
        "review": {
            "after": {"P2D": "late"},
            "on": {"DONE": "done", "AGAIN": {"target": "review", "reenter": True}},
        },
        "late": {},
        "done": {},
    },
}
TIMER = "xstate.after.P2D.m.review"


class TestATimer:
    def test_is_armed_when_its_state_is_entered(self) -> None:
        """The instant is worked out from the time of the decision."""
        it = Instance(REVIEW)

        assert {TIMER: NOW + timedelta(days=2)} == it.armed
        assert "review" == it.snapshot.timers[TIMER].state

    def test_is_disarmed_when_its_state_is_left(self) -> None:
        """A timer never fires after it was cancelled."""
        it = Instance(REVIEW)
        it.send("DONE")

        assert [TIMER] == it.disarmed
        assert {} == it.snapshot.timers

    def test_is_armed_anew_when_its_state_is_entered_again(self) -> None:
        """One command says so: the same id with another instant replaces the timer."""
        it = Instance(REVIEW)
        it.wait(timedelta(hours=5))
        it.send("AGAIN")

        assert ({TIMER: NOW + timedelta(days=2, hours=5)}, []) == (it.armed, it.disarmed)

    def test_moves_the_instance_when_it_fires(self) -> None:
        """It is used up, and the entry says which one it was."""
        it = Instance(REVIEW)
        it.fire(TIMER)

        assert ("late", [TIMER], {}) == (it.value, it.disarmed, it.snapshot.timers)
        assert ["TIMER_FIRED", "STATE_TRANSITION"] == it.told
        assert {"timer_id": TIMER, "due": "2030-02-02T12:00:00Z"} == it.entry("TIMER_FIRED").payload

    def test_is_ignored_when_it_is_not_the_one_that_is_armed(self) -> None:
        """A stale firing of an earlier arming changes nothing and leaves no entry."""
        it = Instance(REVIEW)
        before = it.snapshot
        it.tell(TimerFired(timer_id=TIMER, due=NOW))
        early = it.decision
        it.send("DONE")
        it.tell(TimerFired(timer_id=TIMER, due=NOW + timedelta(days=2)))

        assert ("IGNORED", (), before) == (early.disposition, early.history, early.snapshot)
        assert "IGNORED" == it.decision.disposition

    def test_of_no_delay_can_be_armed_again_for_the_same_instant(self) -> None:
        """It fired, so its row is gone: the new arming must be said, though nothing differs."""
        it = Instance(
            {
                "id": "m",
                "initial": "a",
                "states": {"a": {"after": {"0": {"target": "a", "reenter": True}}}},
            }
        )
        it.fire("xstate.after.0.m.a")

        assert ({"xstate.after.0.m.a": NOW}, []) == (it.armed, it.disarmed)

    @pytest.mark.parametrize(
        ("delay", "due"),
        [
            ("1500", NOW + timedelta(milliseconds=1500)),
            ("PT1H30M", NOW + timedelta(minutes=90)),
            ("P1W", NOW + timedelta(days=7)),
            ("P1M", NOW.replace(month=2, day=28)),
            ("P1Y", NOW.replace(year=2031)),
            ("soon", NOW + timedelta(seconds=2)),
            ("computed", NOW + timedelta(seconds=7)),
            ("iso", NOW + timedelta(minutes=3)),
        ],
    )
    def test_has_a_delay_that_can_be_written_in_many_ways(self, delay: str, due: datetime) -> None:
        """Milliseconds, ISO 8601, or a name of the root's `delays`, which may be computed."""
        it = Instance(
            {
                "context": {"seconds": 7},
                "delays": {
                    "soon": "PT2S",
                    "computed": expr("context.seconds * 1000"),
                    "iso": expr("duration('3m')"),
                },
                "initial": "a",
                "states": {"a": {"after": {delay: "b"}}, "b": {}},
            }
        )

        assert [due] == list(it.armed.values())

    def test_that_cannot_be_worked_out_refuses_the_event_that_would_arm_it(self) -> None:
        """Text, negative numbers and what is over the limit are no delays."""
        spec = {
            "delays": {"given": expr("event.delay")},
            "initial": "a",
            "states": {"a": {"on": {"GO": "b"}}, "b": {"after": {"given": "a"}}},
        }
        refusals = []
        for delay in ("soon", -1, None, "P6Y", 10**12):
            it = Instance(spec)
            it.send("GO", {"delay": delay})
            refusals.append(type(it.decision.refusal).__name__)

        assert ["ExpressionFailed"] * 3 + ["LimitExceeded"] * 2 == refusals

    def test_asks_its_guards_when_it_fires(self) -> None:
        """`after` may hold several candidates."""
        it = Instance(
            {
                "context": {"n": 1},
                "id": "m",
                "initial": "a",
                "states": {
                    "a": {"after": {"10": [{"guard": expr("context.n > 1"), "target": "b"}, "c"]}},
                    "b": {},
                    "c": {},
                },
            }
        )
        it.fire("xstate.after.10.m.a")

        assert "c" == it.value


class TestADelayedEvent:
    SPEC: ClassVar[dict[str, Any]] = {
        "unhandled": "ignore",
        "on": {
            "REMIND": {"actions": raised("REMINDED", delay=1000, id="reminder")},
            "TWICE": {"actions": [raised("REMINDED", delay=1000), raised("REMINDED", delay=2000)]},
            "FORGET": {"actions": {"type": "@cancel", "id": "reminder"}},
            "FORGET_BY": {"actions": {"type": "@cancel", "id": expr("event.id")}},
            "REMINDED": {"actions": say("reminded")},
        },
    }

    def test_is_sent_by_a_timer(self) -> None:
        """It comes back as an event like any other."""
        it = Instance(self.SPEC)
        it.send("REMIND")
        armed = it.armed
        it.fire("reminder")

        assert ({"reminder": NOW + timedelta(seconds=1)}, ["reminded"]) == (armed, it.said)

    def test_can_be_cancelled_by_its_id(self) -> None:
        """And cancelling what is not armed is no error."""
        it = Instance(self.SPEC)
        it.send("REMIND")
        it.send("FORGET_BY", {"id": "reminder"})
        disarmed = it.disarmed
        it.send("FORGET")

        assert (["reminder"], []) == (disarmed, it.disarmed)

    def test_without_an_id_gets_one_of_its_own(self) -> None:
        """Two of them do not replace each other."""
        it = Instance(self.SPEC)
        it.send("TWICE")

        assert ["raise.000000", "raise.000001"] == sorted(it.armed)

    def test_comes_after_one_that_was_raised_before_for_the_same_instant(self) -> None:
        """Ids decide between timers that are due together, so a free one is not taken again."""
        it = Instance(self.SPEC)
        it.send("TWICE")
        it.fire("raise.000000")
        it.send("TWICE")

        assert ["raise.000001", "raise.000002", "raise.000003"] == sorted(it.snapshot.timers)

    def test_armed_and_cancelled_in_one_step_asks_for_nothing(self) -> None:
        """Commands are what remains to be done, not what was done and undone."""
        it = Instance(
            {
                "on": {
                    "GO": {
                        "actions": [raised("X", delay=5, id="t"), {"type": "@cancel", "id": "t"}]
                    }
                }
            }
        )
        it.send("GO")

        assert () == it.decision.commands

    def test_needs_an_id_that_is_text(self) -> None:
        """Where the id is worked out, it may turn out to be something else."""
        it = Instance(
            {
                "on": {
                    "A": {"actions": raised("X", delay=5, id=expr("1"))},
                    "B": {"actions": {"type": "@cancel", "id": expr("1")}},
                }
            }
        )

        assert ["REJECTED", "REJECTED"] == [it.send(kind).disposition for kind in "AB"]

    def test_is_refused_when_too_many_are_waiting(self) -> None:
        """Timers of one instance have a bound."""
        it = Instance(
            {
                "on": {
                    "ARM": {"actions": [raised("X", delay=60000)] * 600},
                    "X": {"actions": assign(n=1)},
                }
            }
        )
        it.send("ARM")
        it.send("ARM")

        assert (
            LimitExceeded("armed timers", MAX_ARMED_TIMERS + 1, MAX_ARMED_TIMERS)
            == it.decision.refusal
        )

    def test_that_nobody_answers_is_used_up(self) -> None:
        """The policy for unhandled events is for what senders send."""
        it = Instance({"on": {"GO": {"actions": raised("NOBODY", delay=5, id="t")}}})
        it.send("GO")
        it.fire("t")

        assert ("APPLIED", {}) == (it.decision.disposition, it.snapshot.timers)


class TestATimerWithoutAName:
    def test_is_not_taken_for_one_that_its_author_named(self) -> None:
        """An author may choose ids that look like the engine's own."""
        named = [raised("N", delay=1000, id=f"raise.{10**12 + n}") for n in (-1, 0)]
        it = Instance({"on": {"GO": {"actions": [*named, raised("X", delay=1000)]}}})
        it.send("GO")

        assert 3 == len(it.armed)
        assert [{"type": "X"}] == [
            it.snapshot.timers[key].event for key in it.armed if key.endswith("001")
        ]

    def test_is_refused_when_it_is_due_after_all_time(self) -> None:
        """Python's calendar ends with the year 9999, and a delay may go past it."""
        it = Instance({"on": {"GO": {"actions": raised("X", delay=expr("event.delay"))}}})
        it.send("GO", {"delay": "P9000Y"})

        assert isinstance(it.decision.refusal, LimitExceeded)
        assert "timer delay in days" == it.decision.refusal.limit
