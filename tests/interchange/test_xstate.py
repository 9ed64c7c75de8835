"""XState's JSON config: in as it is, out as far as its JSON goes."""

import json
from typing import Any

import pytest

from control_plane.engine import SpecInvalid
from control_plane.interchange import DocumentUnreadable, read_xstate, write_xstate
from tests.interchange.playing import play

LIGHT: dict[str, Any] = {
    "id": "light",
    "initial": "green",
    "states": {
        "green": {"after": {"3000": "yellow"}, "on": {"TIMER": {"target": "yellow"}}},
        "yellow": {"tags": ["slow"], "on": {"TIMER": "red"}, "meta": {"colour": "#ff0"}},
        "red": {
            "type": "parallel",
            "states": {"walk": {}, "wait": {"always": []}},
            "on": {"TIMER": {"target": "#light.green", "reenter": True}},
        },
    },
}


class TestAConfigOfXState:
    def test_is_a_definition_as_it_is(self) -> None:
        """Not a key is moved, and it runs."""
        imported = read_xstate(json.dumps(LIGHT))

        assert (LIGHT, (), [{"green"}, {"yellow"}]) == (
            imported.spec,
            imported.refused,
            play(imported.spec, "TIMER"),
        )

    def test_that_uses_more_than_data_is_refused_with_pointers(self) -> None:
        """By the validator, in its own words; the config is not touched."""
        config = {
            "initial": "a",
            "states": {"a": {"entry": "beep", "on": {"E": {"cond": "isOpen", "target": "a"}}}},
        }
        imported = read_xstate(json.dumps(config))

        assert (config, ["/states/a/entry", "/states/a/on/E/cond"]) == (
            imported.spec,
            sorted(one.place for one in imported.refused),
        )

    @pytest.mark.parametrize(
        "text", ["", "createMachine({})", "[]", '{"a": 1, "a": 2}', "[" * 100_000, '{"a": NaN}']
    )
    def test_is_json(self, text: str) -> None:
        """A program that makes one is none."""
        with pytest.raises(DocumentUnreadable):
            read_xstate(text)


class TestADefinition:
    def test_without_expressions_is_a_config_as_it_is(self) -> None:
        """So it comes back the same."""
        exported = write_xstate(LIGHT)

        assert (LIGHT, ()) == (json.loads(exported.text), exported.left_out)

    def test_with_expressions_has_names_for_them(self) -> None:
        """XState has functions there, which the program brings along under a name."""
        spec = {
            "unhandled": "ignore",
            "context": {"n": 1, "m": {"@expr": "event.input"}},
            "guards": {"isOpen": {"when": {"@expr": "context.n > 0"}}},
            "actions": {"count": {"type": "@assign", "context": {"n": 2}}},
            "delays": {"soon": 10},
            "initial": "a",
            "states": {
                "a": {
                    "entry": ["count", {"type": "@assign", "context": {"n": {"@expr": "1 + 1"}}}],
                    "after": {"PT1S": "b", "soon": "b", "1000": [{"target": "a"}], "P1M": "b"},
                    "on": {
                        "E": [
                            {"guard": "isOpen", "target": "b"},
                            {"guard": {"@expr": "context.n > 1"}, "target": "b"},
                            {"guard": {"type": "@not", "guard": "isOpen"}, "target": "a"},
                        ]
                    },
                },
                "b": {
                    "invoke": {
                        "id": "ask",
                        "src": "human",
                        "retry": {"maxAttempts": 2},
                        "input": {"n": {"@expr": "context.n"}},
                        "onDone": {"target": "a"},
                    }
                },
            },
        }
        exported = write_xstate(spec)

        expected = {
            "initial": "a",
            "states": {
                "a": {
                    "entry": [
                        "count",
                        {"type": "@assign", "params": {"context": {"n": {"@expr": "1 + 1"}}}},
                    ],
                    "after": {"1000": ["b", {"target": "a"}], "soon": "b", "P1M": "b"},
                    "on": {
                        "E": [
                            {"guard": "isOpen", "target": "b"},
                            {"guard": {"type": "context.n > 1"}, "target": "b"},
                            {
                                "guard": {"type": "@not", "params": {"guard": "isOpen"}},
                                "target": "a",
                            },
                        ]
                    },
                },
                "b": {"invoke": {"id": "ask", "src": "human", "onDone": {"target": "a"}}},
            },
        }
        pointers = [
            *("/unhandled", "/context", "/guards", "/actions", "/delays"),
            *("/states/a/entry/1", "/states/a/after/soon", "/states/a/after/P1M"),
            *("/states/a/on/E/1/guard", "/states/a/on/E/2/guard"),
            *("/states/b/invoke/retry", "/states/b/invoke/input", "/states/b/invoke/src"),
        ]
        assert (expected, pointers) == (
            json.loads(exported.text),
            [one.json_pointer for one in exported.left_out],
        )

    def test_that_is_none_is_not_written(self) -> None:
        """Only a spec that compiles has a meaning to write."""
        with pytest.raises(SpecInvalid):
            write_xstate({"initial": "z", "states": {"a": {}}})
