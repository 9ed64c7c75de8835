"""
The tutorial is true: its workflow is good at every step, and does what each scenario tells.

The page is read from top to bottom, as its reader does: a block named `book.yaml` is a file,
one that `changes` it is laid over what was there, and whatever stands below sees the result.
"""

import json
import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from control_plane.cli.app import app
from control_plane.engine import check_spec
from control_plane.simulation import read_scenario, run_scenario
from shared.documents import Document, read_document
from shared.json import Json
from tests.docs.pages import Block, blocks, page

CHANGES = "changes"
SECONDS = re.compile(r"in \d+\.\d+ s")


@dataclass(frozen=True, slots=True)
class Place:
    """A block of the page, and the reader's files when they come to it."""

    block: Block
    files: dict[str, dict[str, Json]]

    @property
    def name(self) -> str:
        """Of the file that the block is, or changes."""
        return self.block.word.partition(" ")[0]

    def load(self, name: str) -> Document:
        """A file as it is by now, wherever its path leads."""
        kept = Path(name).name
        return read_document(json.dumps(self.files[kept]).encode(), f"{kept}.json")


def laid_over(old: Json, new: dict[str, Json]) -> dict[str, Json]:
    """What a merge patch, RFC 7396, makes of a document."""
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = laid_over(merged.get(key), value) if isinstance(value, dict) else value
    return merged


def read_page() -> list[Place]:
    files: dict[str, dict[str, Json]] = {}
    places = []
    for block in blocks(page("docs/tutorial.md")):
        if block.language == "yaml":
            name, _, how = block.word.partition(" ")
            shown = read_document(block.text.encode(), name).value
            assert isinstance(shown, dict), f"line {block.line} is no object"
            files = {**files, name: laid_over(files[name], shown) if how == CHANGES else shown}
        places.append(Place(block, files))
    return places


PLACES = read_page()
YAML = [place for place in PLACES if place.block.language == "yaml"]
SCENARIOS = [place for place in YAML if "definition" in place.files[place.name]]
DEFINITIONS = [place for place in YAML if place not in SCENARIOS]
COMMANDS = [
    (place, after.block.text) for place, after in pairwise(PLACES) if place.block.language == "sh"
]


def line_of(place: Place) -> str:
    return f"line{place.block.line}"


class TestADefinitionOfTheTutorial:
    @pytest.mark.parametrize("place", DEFINITIONS, ids=line_of)
    def test_has_no_finding_of_the_validator(self, place: Place) -> None:
        """At no step is the reader left with something that is wrong."""
        _, diagnostics = check_spec(place.files[place.name])

        assert () == diagnostics


class TestAScenarioOfTheTutorial:
    @pytest.mark.parametrize("place", SCENARIOS, ids=line_of)
    def test_is_met_where_it_stands(self, place: Place) -> None:
        """By the workflow as it is at that point of the page."""
        scenario = read_scenario(place.load(place.name), place.load)

        assert () == run_scenario(scenario).mismatches


class TestACommandOfTheTutorial:
    @pytest.mark.parametrize(
        ("place", "told"), COMMANDS, ids=[line_of(place) for place, _ in COMMANDS]
    )
    def test_prints_what_stands_below_it(
        self, place: Place, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With the files that the reader has by then; only how long it took may differ."""
        monkeypatch.chdir(tmp_path)
        for name, value in place.files.items():
            # JSON is YAML, whatever the file is called.
            Path(name).write_text(json.dumps(value), "utf-8")

        assert SECONDS.sub("in … s", told) == SECONDS.sub("in … s", _printed(place.block.text))


def _printed(commands: str) -> str:
    """What the commands of a block print, one after the other; each must end well."""
    printed = ""
    for command in commands.splitlines():
        program, *arguments = shlex.split(command)
        result = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
        assert "foliot" == program
        assert 0 == result.exit_code, result.output
        printed += result.output
    return printed


class TestTheTutorial:
    def test_names_every_file_that_it_shows(self) -> None:
        """A block without a name is one that no test would look at."""
        assert [] == [place.block.line for place in YAML if not place.name]

    def test_shows_what_every_command_prints(self) -> None:
        """The block after a command is its output: a text, or a picture."""
        lines = [(place.block.language, after.block.language) for place, after in pairwise(PLACES)]

        assert {("sh", "text"), ("sh", "mermaid")} == {pair for pair in lines if "sh" == pair[0]}
