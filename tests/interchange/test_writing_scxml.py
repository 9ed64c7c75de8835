"""SCXML that is written says what the definition says; the rest is named with its pointer."""

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from control_plane.engine import SpecInvalid
from control_plane.interchange import Exported, read_scxml, write_scxml
from shared.json import Json
from tests.interchange.playing import play

EXPRESSION = {"@expr": "context.n > 1"}
SECOND = timedelta(seconds=1)


def both_ways(spec: dict[str, Any], *events: str | tuple[str, Json] | timedelta) -> None:
    """A definition and what comes back of it do the same."""
    exported = write_scxml(spec)
    back = read_scxml(exported.text, whole_names=True)
    played = play(spec, *events)

    assert ((), (), played) == (exported.left_out, back.refused, play(back.spec, *events))


def left_out(spec: dict[str, Any]) -> list[str]:
    return [one.json_pointer for one in exported(spec).left_out]


def exported(spec: dict[str, Any]) -> Exported:
    return write_scxml({"unhandled": "ignore", **spec})


def raised(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "@raise", "event": {"type": kind}, **more}


def assign(**values: Any) -> dict[str, Any]:
    return {"type": "@assign", "context": values}


def expr(text: str) -> dict[str, str]:
    return {"@expr": text}


class TestARoundTrip:
    def test_keeps_guards_assigns_and_order(self) -> None:
        """Names and wildcards answer in the definition's order, which is not the document's."""
        spec: dict[str, Any] = {
            "unhandled": "ignore",
            "context": {"n": 0, "text": 'a "b" <c> & \n d'},
            "initial": "a",
            "guards": {"isMore": {"when": expr("context.n > params.than")}},
            "actions": {"add": assign(n=expr("context.n + params.by"))},
            "states": {
                "a": {
                    "on": {
                        "*": "x",
                        "e.*": "y",
                        "e": [
                            {
                                "guard": {"type": "isMore", "params": {"than": 1}},
                                "target": "b",
                            },
                            {"actions": {"type": "add", "params": {"by": 2}}},
                        ],
                        "none": {},
                    }
                },
                "b": {},
                "x": {},
                "y": {},
            },
        }
        both_ways(spec, "none", "e", "e")
        both_ways(spec, "e.f")
        both_ways(spec, "f")

    def test_keeps_parallel_states_history_and_their_ends(self) -> None:
        """With done events, and transitions that stay inside."""
        spec: dict[str, Any] = {
            "unhandled": "ignore",
            "initial": "p",
            "states": {
                "p": {
                    "type": "parallel",
                    "states": {
                        "r": {
                            "initial": "r1",
                            "states": {
                                "r1": {"on": {"next": "r2"}},
                                "r2": {"on": {"next": "r3"}},
                                "r3": {"type": "final"},
                            },
                            "on": {"again": ".r1", "self": "r"},
                        },
                        "s": {
                            "initial": "s1",
                            "states": {
                                "s1": {"on": {"next": "s2"}},
                                "s2": {"on": {"next": "s3"}},
                                "s3": {"type": "final"},
                                "h": {"type": "history", "target": "s2"},
                            },
                            "on": {"jump": ".h"},
                        },
                    },
                    "onDone": "after",
                    "on": {"out": "away"},
                },
                "away": {"on": {"back": "p"}},
                "after": {"type": "final"},
            },
        }
        both_ways(spec, "next", "next")
        both_ways(spec, "next", "again", "jump", "next", "next", "next")
        both_ways(spec, "next", "self", "out", "back")
        both_ways(spec, "jump")

    def test_keeps_timers(self) -> None:
        """`after` is a delayed event that is cancelled on the way out."""
        spec: dict[str, Any] = {
            "unhandled": "ignore",
            "context": {"ms": 1500},
            "delays": {"soon": expr("1000 + 500")},
            "initial": "a",
            "states": {
                "a": {
                    "entry": raised("late", delay="PT2.5S", id="late"),
                    "after": {
                        "2000": "b",
                        "soon": {"target": "c", "guard": expr("context.ms > 2000")},
                    },
                    "on": {"hold": {"actions": {"type": "@cancel", "id": "late"}}, "late": "x"},
                },
                "b": {"on": {"late": "x"}, "after": {"PT1S": "d"}},
                "c": {},
                "d": {},
                "x": {},
            },
        }
        both_ways(spec, SECOND, SECOND, SECOND)
        both_ways(spec, "hold", SECOND, SECOND, SECOND)

    def test_keeps_events_with_data_and_conditions_about_states(self) -> None:
        """Data stand by their keys, beside the event's type."""
        spec: dict[str, Any] = {
            "unhandled": "ignore",
            "context": {"n": 1},
            "type": "parallel",
            "states": {
                "r": {
                    "initial": "a",
                    "states": {
                        "a": {
                            "on": {
                                "go": {
                                    "actions": [
                                        {
                                            "type": "@raise",
                                            "event": {
                                                "type": "told",
                                                "n": expr("event.n + 1"),
                                                "m": {"k": [1, "x"]},
                                            },
                                        },
                                        {
                                            "type": "@if",
                                            "branches": [
                                                {
                                                    "guard": expr("event.n > 5"),
                                                    "actions": raised("big"),
                                                },
                                                {
                                                    "actions": [
                                                        raised("small"),
                                                        {"type": "@log", "value": expr("event.n")},
                                                    ]
                                                },
                                            ],
                                        },
                                    ]
                                },
                                "told": {
                                    "guard": expr(
                                        "event.n == 3 && event.m.k[1] == 'x' && has(event.m)"
                                    ),
                                    "target": "b",
                                },
                            }
                        },
                        "b": {},
                    },
                },
                "s": {
                    "initial": "s1",
                    "states": {
                        "s1": {
                            "on": {"big": "s2", "small": "s3"},
                        },
                        "s2": {},
                        "s3": {
                            "always": {
                                "guard": {
                                    "type": "@and",
                                    "guards": [
                                        {"type": "@stateIn", "state": "r.b"},
                                        {"type": "@not", "guard": expr("context.n == 2")},
                                    ],
                                },
                                "target": "s4",
                            }
                        },
                        "s4": {},
                    },
                },
            },
        }
        both_ways(spec, ("go", {"n": 7}), ("go", {"n": 2}))
        both_ways(spec, ("go", {"n": 2}))

    def test_keeps_what_only_a_state_can_have_at_the_root(self) -> None:
        """The root becomes a state, whose end is the document's."""
        spec: dict[str, Any] = {
            "id": "m",
            "unhandled": "ignore",
            "context": {"n": 0},
            "entry": assign(n=5),
            "initial": "a",
            "on": {"stop": ".b"},
            "states": {
                "a": {},
                "b": {"always": {"guard": expr("context.n == 5"), "target": "c"}},
                "c": {},
            },
        }
        both_ways(spec, "stop")

    def test_keeps_assigns_that_are_made_together(self) -> None:
        """One after the other, in an order in which none sees another's new value."""
        spec: dict[str, Any] = {
            "unhandled": "ignore",
            "context": {"a": 1, "b": 2},
            "initial": "s",
            "states": {
                "s": {
                    "on": {
                        "e": {
                            "actions": assign(a=expr("context.b"), b=expr("context.b + 1")),
                            "target": "t",
                        },
                    }
                },
                "t": {"always": {"guard": expr("context.a == 2 && context.b == 3"), "target": "u"}},
                "u": {},
            },
        }
        both_ways(spec, "e")

    def test_keeps_eventless_transitions_that_count(self) -> None:
        """What sets something is taken again in both, until a condition lets go."""
        spec: dict[str, Any] = {
            "unhandled": "ignore",
            "context": {"n": 0},
            "initial": "a",
            "states": {
                "a": {
                    "always": [
                        {"guard": expr("context.n == 9"), "target": "b"},
                        {"actions": assign(n=expr("context.n + 1"))},
                    ]
                },
                "b": {},
            },
        }
        both_ways(spec)

    def test_keeps_tasks(self) -> None:
        """As invocations of their kind, with their outcomes."""
        spec: dict[str, Any] = {
            "unhandled": "ignore",
            "context": {"url": "http://a"},
            "initial": "a",
            "states": {
                "a": {
                    "invoke": {
                        "id": "ask",
                        "src": "http",
                        "input": {"url": expr("context.url"), "json": {"deep": [1]}},
                        "onDone": {"guard": expr("event.output.status == 200"), "target": "b"},
                        "onError": {"guard": expr('event.error.kind == "x"'), "target": "c"},
                    }
                },
                "b": {},
                "c": {},
            },
        }
        written = write_scxml(spec)
        back = read_scxml(written.text, whole_names=True)

        assert ((), (), spec["states"]["a"]["invoke"]) == (
            written.left_out,
            back.refused,
            back.spec["states"]["a"]["invoke"],
        )

    def test_keeps_what_an_instance_gives_back(self) -> None:
        """Where that is the output of the final state."""
        spec: dict[str, Any] = {
            "unhandled": "ignore",
            "context": {"n": 1},
            "initial": "a",
            "output": expr("event.output"),
            "states": {"a": {"type": "final", "output": {"n": expr("context.n")}}},
        }
        back = read_scxml(write_scxml(spec).text).spec

        assert (spec["output"], spec["states"]["a"]["output"]["n"]) == (
            back["output"],
            expr("context.n"),
        )


class TestADocumentThatIsWritten:
    def test_has_ids_that_xml_can_have(self) -> None:
        """Unique in the whole document, without spaces, and begun with a letter."""
        spec = {
            "initial": "waiting for it",
            "states": {
                "waiting for it": {"initial": "x", "states": {"x": {}}},
                "2nd": {"initial": "x", "states": {"x": {}}},
            },
        }
        root = ET.fromstring(exported(spec).text)
        ids = [one.attrib["id"] for one in root.iter() if "id" in one.attrib]

        assert ["waiting_for_it", "x", "_2nd", "_2nd_x"] == ids

    def test_holds_descriptions_as_comments(self) -> None:
        """Which hold no two hyphens, whatever the author wrote."""
        spec = {"description": "a --> b", "initial": "a", "states": {"a": {}}}

        assert "<!-- a \N{HYPHEN}\N{HYPHEN}> b -->" in exported(spec).text

    def test_may_have_no_states(self) -> None:
        """A machine that does nothing is a definition too."""
        back = read_scxml(exported({"states": {}}).text)

        assert ((), {}) == (back.refused, back.spec["states"])

    def test_has_no_eventless_transition_that_never_ends(self) -> None:
        """Here one without a target is taken once; SCXML would go on with it."""
        spec = {"initial": "a", "states": {"a": {"always": {"actions": raised("e")}}}}
        written = exported(spec)

        assert (["/states/a/always"], False) == (
            [one.json_pointer for one in written.left_out],
            "<transition" in written.text,
        )

    def test_is_not_made_of_what_is_no_definition(self) -> None:
        """Only a spec that compiles has a meaning to write."""
        with pytest.raises(SpecInvalid):
            write_scxml({"initial": "z", "states": {"a": {}}})


class TestWhatIsLeftOut:
    @pytest.mark.parametrize(
        ("state", "pointer"),
        [
            ({"tags": "t"}, "/states/a/tags"),
            ({"meta": {"k": 1}}, "/states/a/meta"),
            ({"entry": {"type": "@emit", "event": {"type": "x"}}}, "/states/a/entry"),
            (
                {"entry": [{"type": "createTask", "params": {"name": "t", "type": "HUMAN"}}]},
                "/states/a/entry/0",
            ),
            ({"entry": assign(n=expr("size(context.l)"))}, "/states/a/entry"),
            ({"entry": assign(n=expr("context.l"), l=expr("context.n"))}, "/states/a/entry"),
            ({"entry": {"type": "@raise", "event": expr("context.l")}}, "/states/a/entry"),
            ({"entry": raised("a b")}, "/states/a/entry"),
            ({"exit": {"type": "@log", "label": "\x01"}}, "/states/a/exit"),
            (
                {
                    "entry": {
                        "type": "@if",
                        "branches": [{"guard": {"type": "@stateIn", "state": "a"}, "actions": []}],
                    }
                },
                "/states/a/entry",
            ),
            ({"always": {"guard": expr("size(context.l) > 1"), "target": "b"}}, "/states/a/always"),
            ({"on": {"task.t.done": "b"}}, "/states/a/on/task.t.done"),
            ({"after": {"P1M": "b"}}, "/states/a/after/P1M"),
            ({"on": {"e": "b", "e.f": "b"}}, "/states/a/on/e"),
            (
                {"invoke": {"src": "human", "retry": {"maxAttempts": 1}}},
                "/states/a/invoke/retry",
            ),
            ({"invoke": {"src": "human", "input": expr("context.l")}}, "/states/a/invoke/input"),
        ],
    )
    def test_is_named_by_its_pointer(self, state: dict[str, Any], pointer: str) -> None:
        """Nothing is dropped without a word."""
        spec = {
            "context": {"n": 1, "l": []},
            "initial": "a",
            "states": {"a": state, "b": {"on": {"back": "a"}}},
        }

        assert [pointer] == left_out(spec)

    def test_is_the_input_of_the_start_and_the_policy_of_the_root(self) -> None:
        """They are the definition's own."""
        spec = {
            "context": {"n": expr("event.input.n"), "a-b": 1},
            "initial": "a",
            "output": {"n": expr("context.n")},
            "states": {"a": {"type": "final", "output": 1}},
        }

        assert ["/unhandled", "/context/n", "/context/a-b", "/output"] == [
            one.json_pointer for one in write_scxml(spec).left_out
        ]

    def test_is_where_a_parallel_state_would_notice_that_it_is_left(self) -> None:
        """A transition between its regions leaves it in SCXML, and not here."""
        spec = {
            "initial": "p",
            "states": {
                "p": {
                    "type": "parallel",
                    "entry": raised("x"),
                    "on": {"x": {"actions": {"type": "@log", "value": 1}}},
                    "states": {"r": {"on": {"e": "#p.s"}}, "s": {}},
                    "id": "p",
                }
            },
        }

        assert ["/states/p/states/r/on/e"] == left_out(spec)
