"""What happens by itself after an event: eventless transitions and raised events."""

from typing import Any

from control_plane.engine import LimitExceeded
from control_plane.engine.limits import MAX_MICROSTEPS, MAX_QUEUED_EVENTS
from tests.engine.telling import Instance, assign, expr, raised, say


class TestAnEventlessTransition:
    def test_is_taken_as_soon_as_its_guard_holds(self) -> None:
        """After every event, and once at the start."""
        spec = {
            "context": {"n": 0},
            "on": {"ADD": {"actions": assign(n=expr("context.n + 1"))}},
            "initial": "few",
            "states": {
                "few": {"always": {"guard": expr("context.n >= 2"), "target": "many"}},
                "many": {},
            },
        }
        it = Instance(spec)
        it.send("ADD")
        once = it.value
        it.send("ADD")

        assert ("few", "many") == (once, it.value)

    def test_comes_before_raised_events(self) -> None:
        """The internal queue waits until nothing eventless is left."""
        it = Instance(
            {
                "initial": "a",
                "states": {
                    "a": {"entry": raised("R"), "always": "b"},
                    "b": {"on": {"R": {"actions": say("b heard")}}, "entry": say("+b")},
                },
            }
        )

        assert ["+b", "b heard"] == it.said

    def test_without_effect_is_not_repeated(self) -> None:
        """A targetless `always` would otherwise run for ever."""
        it = Instance({"initial": "a", "states": {"a": {"always": {"actions": say("once")}}}})

        assert ["once"] == it.said

    def test_that_assigns_is_repeated_until_its_guard_fails(self) -> None:
        """A changed context may change what holds."""
        it = Instance(
            {
                "context": {"n": 0},
                "always": {
                    "guard": expr("context.n < 5"),
                    "actions": assign(n=expr("context.n + 1")),
                },
            }
        )

        assert {"n": 5} == it.context

    def test_in_each_region_is_taken_separately(self) -> None:
        """Each leaf climbs; what several share is taken once."""
        it = Instance(
            {
                "type": "parallel",
                "always": {"actions": say("shared")},
                "states": {"a": {}, "b": {"always": {"actions": say("b")}}, "c": {}},
            }
        )

        assert ["shared", "b"] == it.said


class TestARaisedEvent:
    def test_is_taken_before_the_next_event_from_outside(self) -> None:
        """All in one macrostep, first in first out."""
        it = Instance(
            {
                "on": {
                    "GO": {"actions": [raised("A"), raised("B")]},
                    "A": {"actions": [say("a"), raised("C")]},
                    "B": {"actions": say("b")},
                    "C": {"actions": say("c")},
                }
            }
        )
        it.send("GO")

        assert ["a", "b", "c"] == it.said

    def test_may_carry_values_worked_out_when_it_is_raised(self) -> None:
        """The event is a value with expressions in it."""
        it = Instance(
            {
                "context": {"n": 3, "seen": 0},
                "on": {
                    "GO": {
                        "actions": [
                            raised("R"),
                            {"type": "@raise", "event": expr("{'type': 'N', 'n': context.n}")},
                        ]
                    },
                    "R": {"actions": assign(n=9)},
                    "N": {"actions": assign(seen=expr("event.n"))},
                },
            }
        )
        it.send("GO")

        assert {"n": 9, "seen": 3} == it.context

    def test_that_nobody_answers_is_dropped(self) -> None:
        """The policy for unhandled events is for what senders send."""
        it = Instance({"on": {"GO": {"actions": raised("NOBODY")}}})
        it.send("GO")

        assert "APPLIED" == it.decision.disposition

    def test_cannot_pretend_to_be_the_engines_own(self) -> None:
        """Where the type is worked out at run time, that is seen at run time."""
        it = Instance(
            {"on": {"GO": {"actions": {"type": "@raise", "event": {"type": expr("event.kind")}}}}}
        )
        for kind in ("xstate.done.state.x", "task.a.done", "*", "", 5):
            it.send("GO", {"kind": kind})

            assert "REJECTED" == it.decision.disposition


class TestAMachineThatNeverSettles:
    def loop(self, **actions: Any) -> Instance:
        return Instance(
            {
                "context": {"n": 0},
                "initial": "idle",
                "states": {
                    "idle": {"on": {"GO": "a"}, "after": {"10": "a"}},
                    "a": {
                        "always": {"guard": expr("context.n < 1000000"), "target": "b", **actions}
                    },
                    "b": {"always": {"guard": expr("context.n < 1000000"), "target": "a"}},
                },
            }
        )

    def test_is_stopped_and_its_sender_told_which_limit(self) -> None:
        """A loop is an error with a name, not a hang."""
        it = self.loop()
        it.send("GO")

        assert (
            LimitExceeded("microsteps per event", MAX_MICROSTEPS + 1, MAX_MICROSTEPS)
            == it.decision.refusal
        )
        assert "LIMIT_EXCEEDED" == it.entry("EVENT_REJECTED").payload["reason"]

    def test_fails_its_instance_where_there_is_no_sender(self) -> None:
        """A timer has nobody to tell."""
        it = self.loop()
        it.fire("xstate.after.10.(machine).idle")

        assert "error" == it.snapshot.status
        assert it.snapshot.error is not None
        assert "limit_exceeded" == it.snapshot.error["kind"]

    def test_by_raising_events_is_stopped_too(self) -> None:
        """Whatever keeps it going."""
        it = Instance({"on": {"GO": {"actions": raised("GO")}}})
        it.send("GO")

        assert isinstance(it.decision.refusal, LimitExceeded)

    def test_by_raising_too_many_at_once_is_stopped_early(self) -> None:
        """The queue has a bound of its own."""
        it = Instance(
            {
                "actions": {
                    "ten": [raised("X")] * 10,
                    "hundred": ["ten"] * 10,
                    "thousand": ["hundred"] * 11,
                },
                "on": {"GO": {"actions": "thousand"}, "X": {"actions": say("x")}},
            }
        )
        it.send("GO")

        assert (
            LimitExceeded("raised events waiting", MAX_QUEUED_EVENTS + 1, MAX_QUEUED_EVENTS)
            == it.decision.refusal
        )

    def test_because_names_multiply_is_stopped_too(self) -> None:
        """A few names that lead to each other ten times would be ten million actions."""
        named: dict[str, Any] = {"a0": assign(n=1)}
        named |= {f"a{level}": [f"a{level - 1}"] * 10 for level in range(1, 8)}
        it = Instance({"actions": named, "on": {"GO": {"actions": "a7"}}})
        it.send("GO")

        assert isinstance(it.decision.refusal, LimitExceeded)
        assert "work per event" == it.decision.refusal.limit

    def test_because_guards_are_nested_as_deep_as_they_may_is_still_decided(self) -> None:
        """The limits of nesting are low enough for every process's stack."""
        guard: dict[str, Any] = {"@expr": "true"}
        named = {}
        for level in range(8):
            for _ in range(28):
                guard = {"type": "@and", "guards": [guard]}
            named[f"g{level}"] = {"when": guard}
            guard = {"type": f"g{level}"}
        it = Instance({"guards": named, "on": {"GO": {"guard": guard, "actions": say("passed")}}})
        it.send("GO")

        assert ["passed"] == it.said
