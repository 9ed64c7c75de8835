"""`foliot test`: which files it runs, what it prints and writes, and the status it ends with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from control_plane.cli import on_servers
from control_plane.cli.app import app
from control_plane.simulation import Scenario, ScenarioResult
from shared.errors import InvalidRequest

DEFINITION = "initial: a\nstates:\n  a: { on: { GO: b } }\n  b: { type: final }\n"
MET = "about: It goes.\ndefinition: d.yaml\nsteps:\n- send: GO\nexpect: { state: b }\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A definition, and a scenario of it that is met."""
    (tmp_path / "d.yaml").write_text(DEFINITION)
    (tmp_path / "met.yaml").write_text(MET)
    return tmp_path


def foliot(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["test", *map(str, arguments)])


class TestAFolder:
    def test_is_run_without_its_definitions(self, folder: Path) -> None:
        """They may stand side by side."""
        (folder / "deep").mkdir()
        (folder / "deep" / "more.yml").write_text(MET.replace("d.yaml", "../d.yaml"))

        result = foliot(folder)

        assert 0 == result.exit_code, result.output
        assert "2 passed in" in result.output
        assert "It goes." in result.output

    def test_without_scenarios_is_refused(self, tmp_path: Path) -> None:
        """A CI job that runs nothing must not be green."""
        result = foliot(tmp_path)

        assert isinstance(result.exception, InvalidRequest)
        assert "there is no scenario" in str(result.exception)

    def test_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        """Nor one that runs what was moved away."""
        result = foliot(tmp_path / "none")

        assert isinstance(result.exception, InvalidRequest)
        assert "there is no" in str(result.exception)


class TestAScenario:
    def test_that_is_not_met_is_told_as_a_difference(self, folder: Path) -> None:
        """The line, what was expected and what there is; and the others are run all the same."""
        wrong = folder / "wrong.yaml"
        wrong.write_text(MET.replace("state: b", "state: a, status: waiting"))

        result = foliot(folder)

        assert 1 == result.exit_code
        assert "1 passed, 1 failed in" in result.output
        assert f"{wrong}:5:11 at the end, state" in result.output
        assert '- expected  "a"' in result.output
        assert '+ found     "b"' in result.output
        assert f"{wrong}:5:21 at the end, status" in result.output

    def test_that_cannot_be_read_has_failed(self, folder: Path) -> None:
        """With its place; it is nothing that could be skipped."""
        (folder / "broken.yaml").write_text("definition: d.yaml\nsteps:\n- snd: GO\n")

        result = foliot(folder)

        assert 1 == result.exit_code
        assert "broken.yaml:3:3: there is no 'snd' here; did you mean 'send'?" in result.output

    def test_whose_definition_is_missing_has_failed(self, folder: Path) -> None:
        """A file that was moved."""
        (folder / "lost.yaml").write_text(MET.replace("d.yaml", "e.yaml"))

        result = foliot(folder / "lost.yaml")

        assert 1 == result.exit_code
        assert "No such file" in result.output

    def test_that_expects_nothing_has_failed(self, folder: Path) -> None:
        """It could not fail, so it is no test."""
        (folder / "idle.yaml").write_text("definition: d.yaml\nsteps:\n- send: GO\n")

        result = foliot(folder / "idle.yaml")

        assert 1 == result.exit_code
        assert "expects nothing" in result.output

    def test_that_is_a_definition_is_told_so(self, folder: Path) -> None:
        """It is easily named instead of its scenario."""
        result = foliot(folder / "d.yaml")

        assert 1 == result.exit_code
        assert "d.yaml:2:1: this is a definition; a scenario names one" in result.output


class TestTheXml:
    def test_that_cannot_be_written_is_told_in_a_sentence(self, folder: Path) -> None:
        """The results have been printed by then."""
        result = foliot(folder, "--junit", folder / "none" / "results.xml")

        assert isinstance(result.exception, InvalidRequest)
        assert "results.xml: No such file or directory" in str(result.exception)
        assert "1 passed" in result.output

    def test_has_a_case_for_each_scenario(self, folder: Path) -> None:
        """What a CI server shows: the failure with all that was wrong, the error with its place."""
        (folder / "wrong.yaml").write_text(MET.replace("state: b", "state: a"))
        (folder / "broken.yaml").write_text("definition: d.yaml\nx: \x7f\n")
        target = folder / "results.xml"

        result = foliot(folder, "--junit", target)

        assert 1 == result.exit_code
        (suite,) = ET.parse(target).getroot()
        assert ("3", "1", "1", "0") == tuple(
            suite.get(name) for name in ("tests", "failures", "errors", "skipped")
        )
        cases = {case.get("name"): case for case in suite}
        assert [] == list(cases["met"])
        assert "error" == cases["broken"][0].tag
        assert 'expected "a"' in (cases["wrong"][0].text or "")


class TestOnServers:
    def test_is_told_as_on_the_engine(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A skipped scenario with its reason; what the servers do is tests/simulation's."""
        (folder / "other.yaml").write_text(MET)
        monkeypatch.setattr(on_servers, "player", _two_results)
        target = folder / "results.xml"

        result = foliot(folder, "--on-servers", "--junit", target)

        assert 0 == result.exit_code, result.output
        assert "1 passed, 1 skipped in" in result.output
        assert "skipped: not here" in result.output
        (suite,) = ET.parse(target).getroot()
        assert "1" == suite.get("skipped")


class _Player:
    """Meets everything but the file called other."""

    async def run(self, scenario: Scenario) -> ScenarioResult:
        skipped = "not here" if "other" in scenario.name else None
        return ScenarioResult(scenario=scenario, skipped=skipped)


@asynccontextmanager
async def _two_results() -> AsyncIterator[_Player]:
    yield _Player()
