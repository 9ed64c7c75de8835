"""docs/handlers.md: its code runs, what it shows of the example is there, its tables are whole."""

import dataclasses
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from executor.functions import TaskContext
from executor.plugins import GROUPS
from executor.ports import Ports
from shared.tasks import Outcome
from tests.docs.pages import ROOT, blocks, code, page, rows, section
from tests.docs.shell import folder

PAGE = page("docs/handlers.md")
BLOCKS = {block.word: block for block in blocks(PAGE)}
PARTS = [block for block in blocks(PAGE) if block.word.startswith("examples/")]


class TestItsCode:
    def test_runs_as_it_stands(self, tmp_path: Path) -> None:
        """The function, and the test of it, by the test runner that a reader has."""
        folder(tmp_path, [BLOCKS["charging.py"], BLOCKS["test_charging.py"]])
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert (0, True) == (ran.returncode, "1 passed" in ran.stdout), ran.stdout + ran.stderr

    @pytest.mark.parametrize("block", PARTS, ids=lambda block: block.word)
    def test_of_the_example_stands_in_the_example(self, block: object) -> None:
        """Where a test installs and runs it."""
        [one] = [part for part in PARTS if part is block]

        assert one.text in (ROOT / one.word).read_text("utf-8")

    def test_names_the_package_by_its_name(self) -> None:
        """As FOLIOT_PLUGINS takes it."""
        project = tomllib.loads((ROOT / "examples/plugin/pyproject.toml").read_text("utf-8"))
        said = BLOCKS["named"].text.partition("=")[2].strip().strip("'")

        assert [project["project"]["name"]] == json.loads(said)


class TestItsTables:
    def test_have_every_group_of_entry_points(self) -> None:
        """One that is not told would be found out by reading the code."""
        told = [code(row[0])[0] for row in rows(section(PAGE, "## A package"))]

        assert set(GROUPS) == set(told)

    def test_have_every_port(self) -> None:
        """As a handler is given them."""
        told = [code(row[0])[0] for row in rows(section(PAGE, "## Ports"))]

        assert {f"ports.{field.name}" for field in dataclasses.fields(Ports)} == set(told)

    def test_have_all_that_a_context_has(self) -> None:
        """But for what the executor puts there for itself."""
        told = [
            name.partition("(")[0]
            for row in rows(section(PAGE, "## A function"))
            for name in code(row[0])
        ]
        has = {name for name in dir(TaskContext) if not name.startswith("_")}

        assert has - {"on_heartbeat", "on_wait", "last_progress"} == set(told)

    def test_have_every_outcome_of_a_handler(self) -> None:
        """`cancelled` is the runner's to say."""
        told = [
            code(row[0])[0].partition("(")[0].removeprefix("Outcome.")
            for row in rows(section(PAGE, "## A handler of your own"))
        ]
        made = [name for name in vars(Outcome) if isinstance(vars(Outcome)[name], classmethod)]

        assert set(made) - {"cancelled"} == set(told)
