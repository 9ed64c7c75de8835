"""The definitions of examples/ are good, and do what their scenarios tell."""

import json
from pathlib import Path

import pytest

from control_plane.cli.scenario_files import read_scenario_file
from control_plane.engine import check_spec
from control_plane.simulation import run_scenario
from tests.docs.pages import ROOT

DEFINITIONS = sorted((ROOT / "examples").glob("*.json"))
SCENARIOS = sorted((ROOT / "examples").glob("*.yaml"))


class TestAnExample:
    @pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
    def test_has_no_finding_of_the_validator(self, path: Path) -> None:
        """People copy examples, with all that is wrong about them."""
        _, diagnostics = check_spec(json.loads(path.read_text("utf-8")))

        assert () == diagnostics

    @pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
    def test_goes_as_its_scenario_tells(self, path: Path) -> None:
        """The scenario is what the example promises, step by step."""
        result = run_scenario(read_scenario_file(path))

        assert () == result.mismatches

    def test_has_a_scenario(self) -> None:
        """An example without one would be copied untried."""
        assert [path.stem for path in DEFINITIONS] == [path.stem for path in SCENARIOS]
