"""Machines that XState's documentation shows run here unchanged, and do what it says they do."""

import json
from pathlib import Path
from typing import Any

import pytest

from control_plane.engine import compile_spec
from tests.engine.telling import Instance

EXAMPLES = Path(__file__).with_name("xstate_examples")
DOCUMENTED: dict[str, list[tuple[str, Any]]] = {
    "toggle": [("", "inactive"), ("TOGGLE", "active"), ("TOGGLE", "inactive")],
    "light": [("", "green"), ("TIMER", "yellow"), ("TIMER", "red"), ("TIMER", "green")],
    "light_with_pedestrians": [
        ("", "green"),
        ("TIMER", "yellow"),
        ("TIMER", {"red": "walk"}),
        ("PED_TIMER", {"red": "wait"}),
        ("PED_TIMER", {"red": "stop"}),
        ("TIMER", "green"),
    ],
    "word": [
        ("", {"bold": "off", "italics": "off", "underline": "off", "list": "none"}),
        ("TOGGLE_BOLD", {"bold": "on", "italics": "off", "underline": "off", "list": "none"}),
        ("TOGGLE_ITALICS", {"bold": "on", "italics": "on", "underline": "off", "list": "none"}),
        ("BULLETS", {"bold": "on", "italics": "on", "underline": "off", "list": "bullets"}),
        ("NUMBERS", {"bold": "on", "italics": "on", "underline": "off", "list": "numbers"}),
        ("TOGGLE_BOLD", {"bold": "off", "italics": "on", "underline": "off", "list": "numbers"}),
    ],
    "payment": [
        ("", {"method": "cash"}),
        ("SWITCH_CHECK", {"method": "check"}),
        ("NEXT", "review"),
        ("PREVIOUS", {"method": "check"}),
    ],
}
"""Each event, and XState's `value` after it; the first is the start."""


class TestAMachineFromXStatesDocumentation:
    @pytest.mark.parametrize("name", sorted(DOCUMENTED))
    def test_goes_through_the_states_it_is_said_to(self, name: str) -> None:
        """Whoever comes from XState brings machines along, and finds that they still work."""
        spec = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
        (_, first), *later = DOCUMENTED[name]
        it = Instance(spec)
        values = [it.value]
        for event, _ in later:
            it.send(event)
            values.append(it.value)

        assert [first, *(value for _, value in later)] == values

    @pytest.mark.parametrize("name", sorted(DOCUMENTED))
    def test_is_taken_as_its_text_stands(self, name: str) -> None:
        """Nothing is done to the file before it is compiled; the machine keeps its id."""
        machine = compile_spec((EXAMPLES / f"{name}.json").read_text("utf-8"))

        assert name.partition("_")[0] == machine.id

    def test_is_said_to_do_something(self) -> None:
        """A file without a story would be there untried."""
        assert sorted(DOCUMENTED) == sorted(path.stem for path in EXAMPLES.glob("*.json"))
