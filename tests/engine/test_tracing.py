"""How a decision came about, for those who asked."""

from typing import Any

from control_plane.engine import Considered, Microstep
from control_plane.engine.limits import MAX_TRACED
from tests.engine.telling import Instance, assign, expr, raised

SPEC: dict[str, Any] = {
    "context": {"amount": 7},
    "initial": "a",
    "states": {
        "a": {
            "on": {
                "GO": [
                    {"guard": expr("context.amount > event.limit"), "target": "b"},
                    {
                        "guard": expr("now > timestamp('2030-01-01T00:00:00Z')"),
                        "target": "c",
                        "actions": raised("R"),
                    },
                ],
            }
        },
        "b": {},
        "c": {"always": {"guard": expr("false"), "target": "a"}},
    },
}


class TestATrace:
    def test_tells_what_was_considered_with_the_values_that_were_read(self) -> None:
        """Why this one and not the other: each guard's value, and its operands."""
        it = Instance(SPEC)
        it.send("GO", {"limit": 9}, trace=True)

        assert it.decision.trace is not None
        assert (
            Microstep(
                event="GO",
                eventless=False,
                considered=(
                    Considered(
                        json_pointer="/states/a/on/GO/0",
                        source="a",
                        guard=False,
                        operands={"context.amount": 7, "event.limit": 9},
                    ),
                    Considered(
                        json_pointer="/states/a/on/GO/1",
                        source="a",
                        guard=True,
                        operands={"now": "2030-01-31T12:00:00Z"},
                    ),
                ),
                chosen=("/states/a/on/GO/1",),
                exited=("a",),
                entered=("c",),
            )
            == it.decision.trace.microsteps[0]
        )

    def test_tells_of_raised_events_that_nobody_answered(self) -> None:
        """Each with the eventless transitions that were asked before."""
        it = Instance(SPEC)
        it.send("GO", {"limit": 9}, trace=True)

        assert it.decision.trace is not None
        assert [("GO", True, 1), ("R", True, 1)] == [
            (step.event, step.eventless, len(step.considered))
            for step in it.decision.trace.microsteps[1:]
        ]

    def test_of_a_refused_event_tells_which_guard_could_not_be_evaluated(self) -> None:
        """A refusal is what people ask about most."""
        it = Instance(SPEC)
        it.send("GO", {}, trace=True)

        assert it.decision.trace is not None
        (step,) = it.decision.trace.microsteps
        assert ("GO", ()) == (step.event, step.chosen)
        assert (None, {"context.amount": 7}) == (
            step.considered[0].guard,
            step.considered[0].operands,
        )
        assert "limit" in str(step.considered[0].error)

    def test_keeps_what_log_actions_say(self) -> None:
        """A log is for whoever is looking: it is no part of the history."""
        it = Instance(
            {
                "on": {
                    "GO": {
                        "actions": {"type": "@log", "label": "at", "value": {"n": expr("1 + 1")}}
                    }
                }
            }
        )
        it.send("GO", trace=True)

        assert it.decision.trace is not None
        assert ({"n": 2},) == it.decision.trace.logged
        assert ["EVENT_RECEIVED"] == it.told

    def test_is_made_only_when_asked_for(self) -> None:
        """Not asking costs nothing, and decides the same."""
        asked, unasked = Instance(SPEC), Instance(SPEC)
        asked.send("GO", {"limit": 9}, trace=True)
        unasked.send("GO", {"limit": 9})

        assert unasked.decision.trace is None
        assert asked.snapshot == unasked.snapshot

    def test_leaves_out_operands_that_are_not_there(self) -> None:
        """What an expression asks for with has() may be missing."""
        it = Instance(
            {
                "unhandled": "ignore",
                "context": {"n": 1},
                "on": {
                    "GO": {
                        "guard": expr("has(event.x) && event.x.y > context.n"),
                        "actions": assign(n=2),
                    }
                },
            }
        )
        it.send("GO", trace=True)

        assert it.decision.trace is not None
        (considered,) = it.decision.trace.microsteps[0].considered
        assert {"context.n": 1, "event": {"type": "GO"}} == considered.operands


class TestATraceOfVeryMuch:
    def test_is_cut_short_and_says_so(self) -> None:
        """An event may be considered a thousand times by many transitions."""
        no = [{"guard": expr("false"), "target": "a"}] * 12
        it = Instance(
            {
                "initial": "a",
                "states": {"a": {"on": {"GO": {"actions": [raised("B")] * 900}, "B": no}}},
            }
        )
        trace = it.send("GO", trace=True).trace

        assert trace is not None
        assert trace.is_cut_short
        assert MAX_TRACED >= sum(len(one.considered) for one in trace.microsteps)

    def test_is_the_same_decision(self) -> None:
        """Being watched changes nothing, neither the length of what is seen."""
        spec = {
            "context": {"n": 0},
            "on": {
                "GO": [
                    {"guard": expr("context.n > 9"), "actions": assign(n=0)},
                    {"actions": [assign(n=expr("context.n + 1")), assign(m=expr("context.n"))]},
                ]
            },
        }
        seen, unseen = Instance(spec).send("GO", trace=True), Instance(spec).send("GO")

        assert (unseen.snapshot, unseen.history) == (seen.snapshot, seen.history)
        assert {"n": 1, "m": 1} == seen.snapshot.context
