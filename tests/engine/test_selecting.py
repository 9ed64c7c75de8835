"""Which transitions answer an event."""

from typing import Any, ClassVar

import pytest

from control_plane.engine import ExpressionFailed
from tests.engine.telling import Instance, assign, expr, say


def one_state(on: dict[str, Any]) -> dict[str, Any]:
    return {"unhandled": "ignore", "on": on}


class TestCandidates:
    def test_are_asked_in_the_order_they_are_written(self) -> None:
        """The first whose guard holds is taken, whatever comes after."""
        it = Instance(
            one_state(
                {
                    "GO": [
                        {"guard": expr("false"), "actions": say("first")},
                        {"guard": expr("true"), "actions": say("second")},
                        {"actions": say("third")},
                    ]
                }
            )
        )
        it.send("GO")

        assert ["second"] == it.said

    @pytest.mark.parametrize(
        ("kind", "word"),
        [
            ("order.paid", "exact"),
            ("order.paid.late", "order.paid.*"),
            ("order", "order.*"),
            ("order.sent.today", "order.*"),
            ("ordering", "*"),
            ("other", "*"),
        ],
    )
    def test_match_exactly_first_then_by_the_longest_wildcard(self, kind: str, word: str) -> None:
        """`a.*` matches `a` and everything below it; `*` matches what is left."""
        it = Instance(
            one_state(
                {
                    "*": {"actions": say("*")},
                    "order.*": {"actions": say("order.*")},
                    "order.paid.*": {"actions": say("order.paid.*")},
                    "order.paid": {"actions": say("exact")},
                }
            )
        )
        it.send(kind)

        assert [word] == it.said

    def test_go_on_to_wildcards_when_no_exact_guard_holds(self) -> None:
        """An exact descriptor does not hide the wildcards of the same state."""
        it = Instance(
            one_state(
                {"*": {"actions": say("*")}, "GO": {"guard": expr("false"), "actions": say("go")}}
            )
        )
        it.send("GO")

        assert ["*"] == it.said

    def test_are_asked_from_the_inside_out(self) -> None:
        """A parent answers only what no active child does."""
        spec = {
            "on": {"GO": {"actions": say("root")}, "UP": {"actions": say("root")}},
            "initial": "a",
            "states": {"a": {"on": {"GO": {"actions": say("a")}}}},
        }
        it = Instance(spec)
        it.send("GO")
        inside = it.said
        it.send("UP")

        assert (["a"], ["root"]) == (inside, it.said)

    def test_of_a_parent_are_asked_when_no_guard_of_the_child_holds(self) -> None:
        """A child that declines lets the event bubble."""
        it = Instance(
            {
                "on": {"GO": {"actions": say("root")}},
                "initial": "a",
                "states": {"a": {"on": {"GO": {"guard": expr("false"), "actions": say("a")}}}},
            }
        )
        it.send("GO")

        assert ["root"] == it.said

    @pytest.mark.parametrize(("forbidden", "said"), [({}, []), ([], ["root"])])
    def test_of_a_parent_are_kept_from_answering_by_an_empty_object(
        self, forbidden: Any, said: list[str]
    ) -> None:
        """`E: {}` forbids the event; `E: []` says nothing about it."""
        it = Instance(
            {
                "unhandled": "ignore",
                "on": {"GO": {"actions": say("root")}},
                "initial": "a",
                "states": {"a": {"on": {"GO": forbidden}}},
            }
        )
        it.send("GO")

        assert said == it.said


class TestRegions:
    SPEC: ClassVar[dict[str, Any]] = {
        "type": "parallel",
        "on": {"GO": {"actions": say("root")}, "STOP": {"actions": say("root")}},
        "states": {
            "left": {
                "initial": "a",
                "on": {"GO": {"actions": say("left")}},
                "states": {"a": {"on": {"GO": "b"}}, "b": {}},
            },
            "right": {"initial": "a", "states": {"a": {}, "b": {}}, "on": {"GO": ".b"}},
        },
    }

    def test_all_answer_one_event(self) -> None:
        """Each region takes its own transition, in one microstep."""
        it = Instance(self.SPEC)
        it.send("GO")

        assert {"left": "b", "right": "b"} == it.value
        assert ["EVENT_RECEIVED", "STATE_TRANSITION"] == it.told

    def test_keep_those_above_from_answering(self) -> None:
        """If any region answers, the parallel state itself is not asked."""
        it = Instance(self.SPEC)
        it.send("GO")

        assert [] == it.said

    def test_leave_to_those_above_what_none_of_them_answers(self) -> None:
        """Only then."""
        it = Instance(self.SPEC)
        it.send("STOP")

        assert ["root"] == it.said

    def test_leave_to_those_above_what_none_of_their_guards_lets_pass(self) -> None:
        """To have a transition for an event is not to answer it."""
        shut = {"on": {"GO": {"guard": expr("false"), "actions": say("region")}}}
        it = Instance(
            {
                "type": "parallel",
                "on": {"GO": {"actions": say("root")}},
                "states": {"left": shut, "right": shut},
            }
        )
        it.send("GO")

        assert ["root"] == it.said

    def test_answering_with_transitions_that_exclude_each_other_let_the_first_win(self) -> None:
        """Two regions leave their parallel state: the first in the document's order does."""
        it = Instance(
            {
                "initial": "p",
                "states": {
                    "p": {
                        "type": "parallel",
                        "states": {
                            "left": {"on": {"GO": {"target": "#one", "actions": say("left")}}},
                            "right": {"on": {"GO": {"target": "#two", "actions": say("right")}}},
                        },
                    },
                    "one": {"id": "one"},
                    "two": {"id": "two"},
                },
            }
        )
        it.send("GO")

        assert ("one", ["left"]) == (it.value, it.said)

    def test_prefer_the_transition_from_deeper_inside(self) -> None:
        """Of two that exclude each other, a descendant's wins over its ancestor's."""
        guard = expr("event.type == 'GO'")
        it = Instance(
            {
                "initial": "p",
                "states": {
                    "p": {
                        "type": "parallel",
                        "always": {"guard": guard, "target": "outer"},
                        "states": {
                            "left": {},
                            "right": {"always": {"guard": guard, "target": "#inner"}},
                        },
                    },
                    "outer": {},
                    "inner": {"id": "inner"},
                },
            }
        )
        it.send("GO")

        assert "inner" == it.value


class TestAGuard:
    @pytest.mark.parametrize(
        ("guard", "holds"),
        [
            (expr("context.n > 1"), True),
            ({"type": "@and", "guards": [expr("true"), expr("context.n == 2")]}, True),
            ({"type": "@and", "guards": [expr("true"), expr("false")]}, False),
            ({"type": "@or", "guards": [expr("false"), "big"]}, True),
            ({"type": "@or", "guards": [expr("false"), {"type": "@not", "guard": "big"}]}, False),
            ({"type": "@not", "guard": expr("context.n > 5")}, True),
            ("big", True),
            ({"type": "over", "params": {"limit": 1}}, True),
            ({"type": "over", "params": {"limit": expr("context.n + 1")}}, False),
            ({"type": "@stateIn", "state": "#inner"}, True),
            ({"type": "@stateIn", "state": "a.b"}, True),
            ({"type": "@stateIn", "state": "a.c"}, False),
            ({"type": "@stateIn", "state": {"a": "b"}}, True),
            ({"type": "@stateIn", "state": {"a": {"c": {}}}}, False),
        ],
    )
    def test_may_be_written_in_many_ways(self, guard: Any, holds: bool) -> None:
        """Expressions, names with parameters, combinations, and questions about states."""
        it = Instance(
            {
                "unhandled": "ignore",
                "context": {"n": 2},
                "guards": {
                    "big": {"when": expr("context.n >= 2")},
                    "over": {"when": expr("context.n > params.limit")},
                },
                "on": {"GO": {"guard": guard, "actions": say("passed")}},
                "initial": "a",
                "states": {"a": {"initial": "b", "states": {"b": {"id": "inner"}, "c": {}}}},
            }
        )
        it.send("GO")

        assert holds == (["passed"] == it.said)

    def test_that_meets_a_number_beyond_what_there_is_refuses_the_event(self) -> None:
        """A payload may hold what JSON allows and expressions do not."""
        guard = {"guard": expr("event.n < 1.0"), "actions": say("passed")}
        it = Instance({"on": {"GO": guard}})
        it.send("GO", {"n": 10**400})

        assert isinstance(it.decision.refusal, ExpressionFailed)
        assert "/on/GO/guard/@expr" == it.decision.refusal.json_pointer
        assert "beyond 64 bits" in it.decision.refusal.message

    def test_gives_the_parameters_back_when_a_named_guard_is_done(self) -> None:
        """A named guard inside a named guard does not leave its parameters behind."""
        it = Instance(
            {
                "unhandled": "ignore",
                "guards": {
                    "inner": {"when": expr("params.x == 1")},
                    "outer": {
                        "when": {
                            "type": "@and",
                            "guards": [
                                {"type": "inner", "params": {"x": 1}},
                                expr("params.x == 2"),
                            ],
                        }
                    },
                },
                "on": {
                    "GO": {"guard": {"type": "outer", "params": {"x": 2}}, "actions": say("passed")}
                },
            }
        )
        it.send("GO")

        assert ["passed"] == it.said

    def test_sees_the_context_as_the_actions_before_left_it(self) -> None:
        """Guards of a later microstep see what earlier ones assigned."""
        it = Instance(
            {
                "context": {"n": 0},
                "initial": "a",
                "states": {
                    "a": {"on": {"GO": {"target": "b", "actions": assign(n=1)}}},
                    "b": {"always": {"guard": expr("context.n == 1"), "target": "c"}},
                    "c": {},
                },
            }
        )
        it.send("GO")

        assert "c" == it.value
