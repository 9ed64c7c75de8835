"""What a transition leaves and enters, and in which order actions run."""

from typing import Any

from tests.engine.telling import Instance, assign, expr, say

NESTED: dict[str, Any] = {
    "initial": "a",
    "states": {
        "a": {
            "id": "a",
            "entry": say("+a"),
            "exit": say("-a"),
            "initial": "x",
            "on": {
                "SELF": "a",
                "SELF_REENTER": {"target": "a", "reenter": True},
                "CHILD": ".y",
                "CHILD_REENTER": {"target": ".y", "reenter": True},
                "OUT": {"target": "b", "actions": say("out")},
                "STAY": {"actions": say("stay")},
            },
            "states": {
                "x": {"id": "x", "entry": say("+x"), "exit": say("-x"), "on": {"NEXT": "y"}},
                "y": {"entry": say("+y"), "exit": say("-y"), "on": {"TO_A": "#a", "TO_X": "#a.x"}},
            },
        },
        "b": {"entry": say("+b"), "exit": say("-b"), "on": {"BACK": "#m.a.y"}},
    },
    "id": "m",
}


def after(*events: str) -> Instance:
    it = Instance(NESTED)
    for event in events:
        it.send(event)
    return it


class TestATransition:
    def test_exits_from_the_inside_acts_and_enters_from_the_outside(self) -> None:
        """Exit actions, then its own, then entry actions."""
        assert ["-x", "-a", "out", "+b"] == after("OUT").said

    def test_between_siblings_leaves_their_parent_alone(self) -> None:
        """The domain is the parent."""
        assert ["-x", "+y"] == after("NEXT").said

    def test_without_a_target_leaves_nothing(self) -> None:
        """Only its actions run."""
        assert ["stay"] == after("STAY").said

    def test_to_its_own_state_restarts_the_children_only(self) -> None:
        """XState 5: internal unless `reenter`."""
        it = after("NEXT", "SELF")

        assert (["-y", "+x"], {"a": "x"}) == (it.said, it.value)

    def test_to_its_own_state_with_reenter_exits_it(self) -> None:
        """`reenter: true` is XState 4's external transition."""
        assert ["-y", "-a", "+a", "+x"] == after("NEXT", "SELF_REENTER").said

    def test_to_a_child_does_not_exit_its_source(self) -> None:
        """`.child` is relative to the source."""
        assert ["-x", "+y"] == after("CHILD").said

    def test_to_a_child_with_reenter_exits_its_source(self) -> None:
        """The source is its own domain then."""
        assert ["-x", "-a", "+a", "+y"] == after("CHILD_REENTER").said

    def test_to_an_ancestor_exits_and_enters_it(self) -> None:
        """The ancestor is outside of the source, so it is left and entered anew."""
        assert ["-y", "-a", "+a", "+x"] == after("NEXT", "TO_A").said

    def test_to_a_cousin_leaves_their_common_ancestor_alone(self) -> None:
        """`#id.path` names it."""
        assert ["-y", "+x"] == after("NEXT", "TO_X").said

    def test_deep_into_a_state_enters_what_lies_between(self) -> None:
        """The machine's own id begins a path too."""
        it = after("OUT", "BACK")

        assert (["-b", "+a", "+y"], {"a": "y"}) == (it.said, it.value)

    def test_into_a_state_runs_the_initial_actions_of_those_entered_by_default(self) -> None:
        """Named directly, a state begins by default; on the way to a child, it does not."""
        it = Instance(
            {
                "initial": "off",
                "states": {
                    "off": {"on": {"IN": "on", "DEEP": "on.y"}},
                    "on": {
                        "on": {"OFF": "off"},
                        "initial": {"target": "x", "actions": say("initial")},
                        "states": {"x": {}, "y": {}},
                    },
                },
            }
        )
        it.send("IN")
        by_default = it.said
        it.send("OFF")
        it.send("DEEP")

        assert (["initial"], []) == (by_default, it.said)

    def test_of_the_root_to_the_root_restarts_everything_below(self) -> None:
        """The root is not left; its children are."""
        it = Instance(
            {
                "id": "m",
                "entry": say("+m"),
                "exit": say("-m"),
                "on": {"AGAIN": {"target": "#m"}, "ANEW": {"target": "#m", "reenter": True}},
                "initial": "a",
                "states": {
                    "a": {"entry": say("+a"), "exit": say("-a"), "on": {"NEXT": "b"}},
                    "b": {},
                },
            }
        )
        it.send("NEXT")
        it.send("AGAIN")
        again = it.said
        it.send("ANEW")

        assert (["+a"], ["-a", "-m", "+m", "+a"]) == (again, it.said)


class TestActions:
    def test_each_see_what_the_one_before_has_assigned(self) -> None:
        """Exit, transition and entry actions are one sequence."""
        plus = assign(log=expr("context.log + [event.type]"))
        it = Instance(
            {
                "context": {"log": [], "n": 1},
                "initial": "a",
                "states": {
                    "a": {
                        "exit": assign(n=expr("context.n + 1")),
                        "on": {
                            "GO": {
                                "target": "b",
                                "actions": [assign(n=expr("context.n * 10")), plus],
                            }
                        },
                    },
                    "b": {"entry": assign(n=expr("context.n + 5"))},
                },
            }
        )
        it.send("GO")

        assert {"log": ["GO"], "n": 25} == it.context

    def test_assign_several_keys_from_one_context(self) -> None:
        """Keys of one `@assign` do not see each other."""
        it = Instance(
            {
                "context": {"a": 1, "b": 2},
                "on": {"SWAP": {"actions": assign(a=expr("context.b"), b=expr("context.a"))}},
            }
        )
        it.send("SWAP")

        assert {"a": 2, "b": 1} == it.context

    def test_may_be_named_and_given_parameters(self) -> None:
        """Parameters are worked out when the action runs; a name may stand for several."""
        it = Instance(
            {
                "context": {"n": 1},
                "actions": {
                    "add": assign(n=expr("context.n + params.by")),
                    "twice": [
                        {"type": "add", "params": {"by": expr("params.by")}},
                        {"type": "add", "params": {"by": expr("params.by")}},
                    ],
                    "reset": assign(n=0),
                },
                "on": {
                    "ADD": {"actions": {"type": "twice", "params": {"by": expr("context.n")}}},
                    "RESET": {"actions": "reset"},
                },
            }
        )
        it.send("ADD")
        added = it.context
        it.send("RESET")

        assert ({"n": 3}, {"n": 0}) == (added, it.context)

    def test_take_the_first_branch_whose_guard_holds(self) -> None:
        """`@if` sees the context as it is by then, and the states as they were before."""
        it = Instance(
            {
                "context": {"n": 0},
                "initial": "a",
                "states": {
                    "a": {
                        "on": {
                            "GO": {
                                "target": "b",
                                "actions": [
                                    assign(n=2),
                                    {
                                        "type": "@if",
                                        "branches": [
                                            {
                                                "guard": expr("context.n == 1"),
                                                "actions": say("one"),
                                            },
                                            {
                                                "guard": {"type": "@stateIn", "state": "a"},
                                                "actions": [say("still in a"), say("and on")],
                                            },
                                            {"actions": say("else")},
                                        ],
                                    },
                                    {
                                        "type": "@if",
                                        "branches": [
                                            {"guard": expr("false"), "actions": say("never")}
                                        ],
                                    },
                                ],
                            }
                        }
                    },
                    "b": {},
                },
            }
        )
        it.send("GO")

        assert ["still in a", "and on"] == it.said

    def test_emit_what_subscribers_will_see(self) -> None:
        """An emitted event is a history entry: committed with the rest, or not at all."""
        it = Instance(
            {
                "on": {
                    "GO": {
                        "actions": {
                            "type": "@emit",
                            "event": {"type": "paid", "sum": expr("event.sum")},
                        }
                    }
                }
            }
        )
        it.send("GO", {"sum": 12})

        assert {"event": {"type": "paid", "sum": 12}} == it.entry("EVENT_EMITTED").payload

    def test_accept_the_spelling_of_xstate_6(self) -> None:
        """`@xstate.assign` and `@assign` are the same action."""
        it = Instance(
            {
                "on": {
                    "GO": {
                        "actions": {
                            "type": "@xstate.assign",
                            "context": {"n": {"@expr": "1 + 1", "@exprLang": "cel"}},
                        }
                    }
                }
            }
        )
        it.send("GO")

        assert {"n": 2} == it.context
