"""Machines as pictures."""

from typing import Any

import pytest

from control_plane.engine import render_mermaid
from tests.engine.telling import Instance, compiled, expr, say

ORDER: dict[str, Any] = {
    "id": "order",
    "guards": {"big": {"when": expr("true")}},
    "on": {"CANCEL": ".dropped", "NOTE": {"actions": say("x")}},
    "initial": "open",
    "states": {
        "open": {
            "on": {"PAY": {"target": "work", "guard": expr("event.sum > 5")}, "NO": {}},
            "always": {"guard": "big", "target": "work"},
        },
        "work": {
            "type": "parallel",
            "onDone": "done",
            "states": {
                "pack": {
                    "initial": "a",
                    "states": {
                        "a": {
                            "invoke": {
                                "id": "packing",
                                "src": "human",
                                "onDone": "b",
                                "onError": "a",
                            },
                            "after": {"P1D": "b"},
                        },
                        "b": {"type": "final"},
                        "back": {"type": "history", "history": "deep"},
                    },
                },
                "bill": {
                    "initial": "a",
                    "states": {"a": {"on": {"OK": "b"}}, "b": {"type": "final"}},
                },
            },
        },
        "dropped": {"type": "final"},
        "done": {"type": "final"},
    },
}


class TestAPicture:
    def test_shows_states_inside_each_other_and_what_leads_where(self) -> None:
        """Mermaid's stateDiagram-v2, states named by number and labelled by key."""
        text = render_mermaid(compiled(ORDER))

        assert text.startswith("stateDiagram-v2\n    [*] --> s1\n")
        for line in (
            'state "open" as s1',
            "state s2 {",
            "--",
            'state "H*" as s6',
            "s4 : task packing",
            "s5 --> [*]",
            "s1 --> s2 : PAY [event.sum › 5]",
            "s1 --> s2 : always [big]",
            "s2 --> s11 : done",
            "s4 --> s5 : after P1D",
            "s4 --> s4 : packing failed",
            "s1 --> s10 : CANCEL",
        ):
            assert line in text

    def test_leaves_out_what_does_nothing(self) -> None:
        """A forbidden event is no arrow."""
        assert " : NO" not in render_mermaid(compiled(ORDER))

    def test_highlights_the_active_leaves(self) -> None:
        """Where the instance is."""
        it = Instance({"initial": "a", "states": {"a": {}, "b": {}}})

        assert "class s1 active" in render_mermaid(it.machine, it.snapshot)
        assert "class s2 active" not in render_mermaid(it.machine, it.snapshot)

    def test_of_a_machine_without_states_is_one_box(self) -> None:
        """The root itself."""
        assert 'stateDiagram-v2\n    state "m" as s0\n' == render_mermaid(compiled({"id": "m"}))

    @pytest.mark.parametrize(
        "evil",
        [
            '<script>alert("x")</script>',
            '"] --> s1',
            "a; click s1 call steal()",
            "%%{init: {}}%%",
            "a\u2028b",
            "x" * 150,
        ],
    )
    def test_takes_no_markup_from_an_author(self, evil: str) -> None:
        """A name is text, whatever it looks like to Mermaid or to a browser."""
        plain = render_mermaid(compiled({"initial": "k", "states": {"k": {"on": {"E": "k"}}}}))
        text = render_mermaid(compiled({"initial": evil, "states": {evil: {"on": {evil: evil}}}}))
        label = text.splitlines()[2].removeprefix('    state "').removesuffix('" as s1')

        assert plain.replace('"k"', f'"{label}"').replace(": E", f": {label}") == text
        assert not set('<>"%{};\u2028') & set(label)
        assert len(label) <= 60

    def test_describes_every_kind_of_guard(self) -> None:
        """In the words of the spec."""
        guard = {
            "type": "@and",
            "guards": [
                {"type": "@or", "guards": ["big", {"type": "@not", "guard": "big"}]},
                {"type": "@stateIn", "state": "a"},
            ],
        }
        text = render_mermaid(
            compiled(
                {
                    "guards": {"big": {"when": expr("true")}},
                    "initial": "a",
                    "states": {"a": {"on": {"GO": {"guard": guard, "target": "a"}}}},
                }
            )
        )

        assert "GO [(big or not big) and in a]" in text

    def test_leave_out_what_leads_to_the_machine_itself(self) -> None:
        """Mermaid has no name for the whole diagram."""
        again = {"target": "#m", "reenter": True}
        machine = compiled({"id": "m", "initial": "a", "states": {"a": {"on": {"AGAIN": again}}}})

        assert "AGAIN" not in render_mermaid(machine)
