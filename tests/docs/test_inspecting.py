"""docs/inspecting.md shows what the commands print, and tells of what there is."""

from datetime import UTC, datetime
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree as ET

import pytest
from foliot.v1 import explanation_pb2

from control_plane.engine import Received, Started, compile_spec, decide, explain
from control_plane.engine.continuing import Compatibility
from tests.docs.pages import ROOT, Block, blocks, code, page, rows, section
from tests.docs.shell import folder, run

PAGE = page("docs/inspecting.md")
BLOCKS = blocks(PAGE)
FILES = [block for block in BLOCKS if block.language == "json"]
NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


def the(language: str, word: str) -> Block:
    """The one block of a language and a word."""
    (found,) = [one for one in BLOCKS if (one.language, one.word) == (language, word)]
    return found


class TestACommand:
    @pytest.mark.parametrize("line", the("bash", "draw").text.splitlines())
    def test_draws(self, line: str, tmp_path: Path) -> None:
        """As a reader would run it, in a folder with the examples."""
        where = folder(tmp_path, [])
        printed = run(line, where)
        written = where / "order.dot"

        assert printed.startswith(("stateDiagram-v2", "digraph")) or written.exists()

    def test_compares_and_prints_what_the_page_shows(self, tmp_path: Path) -> None:
        """Word for word; it exits with 1, as the page says."""
        script = the("bash", "diff").text.strip()
        printed = run(f"{script} || test $? = 1", folder(tmp_path, FILES))

        assert the("text", "diff").text == printed


class TestThePicture:
    def test_is_of_the_example(self) -> None:
        """Every state and every event of the definition is on it."""
        machine = compile_spec((ROOT / "examples/order.json").read_bytes())
        tree = ET.fromstring((ROOT / "docs/order.svg").read_text("utf-8"))
        texts = {text.strip().replace("\xa0", "") for text in tree.itertext()}

        assert {state.key for state in machine.states[1:]} <= texts
        assert {"PACKED", "PAID", "after P14D", "price failed"} <= texts


class TestTheExplanation:
    def test_is_what_the_page_shows(self) -> None:
        """The summary of that very instance."""
        machine = compile_spec(the("json", "claim.v1.json").text)
        snapshot = decide(machine, None, Started(input={"amount": 700}), NOW).snapshot
        snapshot = decide(machine, snapshot, Received(type="SUBMIT"), NOW).snapshot

        assert the("text", "summary").text.strip() == explain(machine, snapshot, NOW).summary

    def test_has_every_value_of_a_guard(self) -> None:
        """Each with what it means."""
        told = rows(section(PAGE, "## Explain an instance"))
        values = explanation_pb2.GuardValue.keys()

        assert values[1:] == [code(cells[0])[0] for cells in told]


class TestTheClasses:
    def test_are_all_told(self) -> None:
        """A class without a meaning would be of no use to anybody."""
        told = rows(section(PAGE, "## Compare two versions"))

        assert list(get_args(Compatibility)) == [code(cells[0])[0] for cells in told]
