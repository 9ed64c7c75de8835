"""What becomes of an event that somebody sends."""

from typing import Any, ClassVar

import pytest

from control_plane.engine import (
    EventNotAccepted,
    ExpressionFailed,
    InstanceClosed,
    Received,
)
from tests.engine.telling import Instance, assign, expr, say

APPROVAL: dict[str, Any] = {
    "initial": "draft",
    "states": {
        "draft": {"on": {"SUBMIT": "review", "CANCEL": "dropped"}},
        "review": {"on": {"APPROVE": "approved"}},
        "approved": {"type": "final"},
        "dropped": {"type": "final"},
    },
}


class TestAnEventSomebodyIsWaitingFor:
    def test_moves_the_instance(self) -> None:
        """The plainest of transitions."""
        it = Instance(APPROVAL)
        it.send("SUBMIT")

        assert ("review", "APPLIED") == (it.value, it.decision.disposition)

    def test_is_recorded_before_what_it_caused(self) -> None:
        """Cause first: the history reads as it happened, and folds back to the snapshot."""
        it = Instance(APPROVAL)
        it.tell(Received(type="SUBMIT", payload={"by": "ann"}, event_id="e1"))

        assert ["EVENT_RECEIVED", "STATE_TRANSITION"] == it.told
        assert {
            "event_id": "e1",
            "type": "SUBMIT",
            "payload": {"by": "ann"},
            "disposition": "APPLIED",
        } == it.entry("EVENT_RECEIVED").payload
        assert {
            "event": "SUBMIT",
            "from": ["draft"],
            "to": ["review"],
            "exited": ["draft"],
            "entered": ["review"],
        } == it.entry("STATE_TRANSITION").payload

    def test_is_applied_though_only_an_action_runs(self) -> None:
        """No state is left, so there is no STATE_TRANSITION; the context says what happened."""
        it = Instance(
            {"context": {"n": 0}, "on": {"ADD": {"actions": assign(n=expr("context.n + 1"))}}}
        )
        it.send("ADD")

        assert {"n": 1} == it.context
        assert ["EVENT_RECEIVED"] == it.told

    @pytest.mark.parametrize(
        ("payload", "seen"),
        [
            ({"x": 1}, {"type": "GO", "x": 1}),
            ({"type": "OTHER"}, {"type": "GO"}),
            (None, {"type": "GO"}),
            ([1], {"type": "GO", "data": [1]}),
            ("text", {"type": "GO", "data": "text"}),
        ],
    )
    def test_is_seen_by_expressions_as_an_object(self, payload: Any, seen: Any) -> None:
        """A payload's members stand beside the type, which a payload cannot forge."""
        it = Instance({"on": {"GO": {"actions": assign(seen=expr("event"))}}})
        it.send("GO", payload)

        assert {"seen": seen} == it.context


class TestAnEventNobodyIsWaitingFor:
    def test_is_refused_with_what_would_be_accepted(self) -> None:
        """The refusal names the state and its events, so an operator need not look further."""
        it = Instance(APPROVAL)
        it.send("APPROVE")

        assert EventNotAccepted("draft", "APPROVE", ("SUBMIT", "CANCEL")) == it.decision.refusal
        assert (
            "state 'draft' has no transition for 'APPROVE'; it accepts SUBMIT, CANCEL"
            == it.decision.refusal.message
        )

    def test_leaves_the_instance_as_it_was_but_for_one_entry(self) -> None:
        """A refusal is recorded, and nothing else of the event is kept."""
        it = Instance(APPROVAL)
        before = it.snapshot
        it.tell(Received(type="APPROVE", payload={"secret": 1}, event_id="e1"))

        assert before is it.decision.snapshot
        assert ("REJECTED", ()) == (it.decision.disposition, it.decision.commands)
        assert {
            "event_id": "e1",
            "type": "APPROVE",
            "reason": "EVENT_NOT_ACCEPTED",
            "state": "draft",
            "accepts": ["SUBMIT", "CANCEL"],
            "message": "state 'draft' has no transition for 'APPROVE'; it accepts SUBMIT, CANCEL",
        } == it.entry("EVENT_REJECTED").payload

    def test_is_ignored_where_the_spec_says_so(self) -> None:
        """`unhandled: ignore` is XState's own behaviour; it is recorded all the same."""
        it = Instance({**APPROVAL, "unhandled": "ignore"})
        before = it.snapshot
        it.send("APPROVE")

        assert before is it.decision.snapshot
        assert ("IGNORED", None) == (it.decision.disposition, it.decision.refusal)
        assert "IGNORED" == it.entry("EVENT_RECEIVED").payload["disposition"]

    def test_is_deferred_where_the_spec_says_so(self) -> None:
        """The caller keeps a deferred event and offers it again; the engine changes nothing."""
        it = Instance({**APPROVAL, "unhandled": "defer"})
        before = it.snapshot
        it.send("APPROVE")

        assert before is it.decision.snapshot
        assert "DEFERRED" == it.decision.disposition
        assert "DEFERRED" == it.entry("EVENT_RECEIVED").payload["disposition"]

    def test_is_refused_when_no_guard_lets_it_pass(self) -> None:
        """The event is legal here, so it is among the accepted ones; this one was not let by."""
        it = Instance({"on": {"GO": {"guard": expr("event.ok"), "actions": say("gone")}}})
        it.send("GO", {"ok": False})

        assert EventNotAccepted(".", "GO", ("GO",)) == it.decision.refusal
        assert (
            "the root has a transition for 'GO', but no guard lets it pass; it accepts GO"
            == it.decision.refusal.message
        )

    def test_may_still_be_answered_by_an_eventless_transition(self) -> None:
        """`always` is asked after every event, with that event to be seen."""
        it = Instance(
            {
                "initial": "a",
                "states": {
                    "a": {"always": {"guard": expr("event.type == 'B'"), "target": "b"}},
                    "b": {},
                },
            }
        )
        it.send("B")

        assert ("b", "APPLIED") == (it.value, it.decision.disposition)

    def test_is_ignored_where_a_transition_forbids_it(self) -> None:
        """`E: {}` is an author's way of saying: this event is nothing to us here."""
        it = Instance(
            {
                "on": {"GO": {"actions": say("root")}},
                "initial": "a",
                "states": {"a": {"on": {"GO": {}}}},
            }
        )
        it.send("GO")

        assert ("IGNORED", []) == (it.decision.disposition, it.said)


class TestAnEventOfTheEnginesOwn:
    @pytest.mark.parametrize(
        "kind", ["xstate.init", "xstate.done.state.x", "task.notify.done", "", "*"]
    )
    def test_is_refused_whatever_the_state_accepts(self, kind: str) -> None:
        """A sender cannot pretend that a task has ended or a timer has fired."""
        it = Instance({"on": {"*": {"actions": say("taken")}}, "unhandled": "ignore"})
        it.send(kind)

        assert isinstance(it.decision.refusal, EventNotAccepted)


class TestAnEventAnExpressionCannotBeEvaluatedFor:
    SPEC: ClassVar[dict[str, Any]] = {
        "context": {"n": 0},
        "initial": "a",
        "states": {
            "a": {
                "on": {
                    "GO": {"guard": expr("event.amount > 5"), "target": "b"},
                    "ADD": {"actions": [assign(n=1), assign(n=expr("event.by + 1"))]},
                    "ASK": {"guard": expr("event.answer"), "target": "b"},
                }
            },
            "b": {},
        },
    }

    def test_is_refused_with_the_place_of_the_expression(self) -> None:
        """An error in a guard is never taken for false."""
        it = Instance(self.SPEC)
        it.send("GO", {})

        assert isinstance(it.decision.refusal, ExpressionFailed)
        assert "/states/a/on/GO/guard/@expr" == it.decision.refusal.json_pointer
        assert "event.amount > 5" == it.decision.refusal.expression
        assert it.decision.refusal.located.endswith(
            "(at /states/a/on/GO/guard/@expr: event.amount > 5)"
        )
        assert "EXPRESSION_FAILED" == it.entry("EVENT_REJECTED").payload["reason"]

    def test_is_refused_with_the_place_of_a_value_that_is_of_no_use(self) -> None:
        """The expression did its work; what it gave is no delay."""
        spec = {"delays": {"soon": expr("event.wait")}, "initial": "a"}
        spec["states"] = {"a": {"on": {"GO": "b"}}, "b": {"after": {"soon": "a"}}}
        it = Instance(spec)
        it.send("GO", {"wait": "tomorrow"})

        assert isinstance(it.decision.refusal, ExpressionFailed)
        assert it.decision.refusal.located.endswith("not negative (at /delays/soon/@expr)")

    def test_keeps_nothing_of_the_actions_before(self) -> None:
        """One badly typed payload changes nothing and kills no process."""
        it = Instance(self.SPEC)
        before = it.snapshot
        it.send("ADD", {"by": "x"})

        assert before is it.decision.snapshot
        assert ("active", {"n": 0}) == (it.snapshot.status, it.context)

    def test_is_refused_when_a_guard_gives_no_boolean(self) -> None:
        """JSON has truthy values only in JavaScript."""
        it = Instance(self.SPEC)
        it.send("ASK", {"answer": "yes"})

        assert isinstance(it.decision.refusal, ExpressionFailed)
        assert "gave a string" in it.decision.refusal.message


class TestAnEventForAnInstanceThatHasEnded:
    def test_is_refused_and_says_how_it_ended(self) -> None:
        """Terminal states absorb everything."""
        it = Instance(APPROVAL)
        it.send("CANCEL")
        it.send("SUBMIT")

        assert InstanceClosed("done") == it.decision.refusal
        assert "the instance takes no more events: it is done" == it.decision.refusal.message
        assert "INSTANCE_CLOSED" == it.entry("EVENT_REJECTED").payload["reason"]


class TestTheEventsAMachineAccepts:
    def test_are_those_of_the_innermost_states_first(self) -> None:
        """The order a person would try them in."""
        it = Instance(
            {
                "on": {"STOP": {"actions": say("x")}},
                "initial": "a",
                "states": {
                    "a": {
                        "on": {"BACK": {"actions": say("x")}},
                        "initial": "b",
                        "states": {"b": {"on": {"GO": {"actions": say("x")}}}},
                    }
                },
            }
        )

        assert ("GO", "BACK", "STOP") == it.machine.accepts(it.snapshot)

    def test_leave_out_what_senders_cannot_send_and_what_is_forbidden(self) -> None:
        """A forbidden event is not accepted here, though a state above would."""
        it = Instance(
            {
                "on": {"GO": {"actions": say("x")}, "order.*": {"actions": say("x")}},
                "initial": "a",
                "states": {
                    "a": {
                        "on": {"GO": {}},
                        "after": {"10": "b"},
                        "invoke": {"src": "human", "onDone": "b"},
                    },
                    "b": {},
                },
            }
        )

        assert ("order.*",) == it.machine.accepts(it.snapshot)

    def test_are_none_once_the_instance_has_ended(self) -> None:
        """What is closed accepts nothing."""
        it = Instance(APPROVAL)
        it.send("CANCEL")

        assert () == it.machine.accepts(it.snapshot)
