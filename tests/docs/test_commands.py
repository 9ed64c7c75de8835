"""Commands of pages that have no test of their own: each runs as it stands."""

import ast
import asyncio
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from control_plane.cli.app import app
from tests.cli.conftest import Foliot, foliot
from tests.contract.conftest import migrated_template, postgres
from tests.contract.worlds import PostgresWorld
from tests.docs.pages import ROOT, blocks, page
from tests.interchange.playing import document

__all__ = ["foliot", "migrated_template", "postgres"]


def commands(name: str, word: str = "") -> list[list[str]]:
    """What stands in a page's block of shell, in words, without its comments."""
    (block,) = (one for one in blocks(page(name)) if (one.language, one.word) == ("sh", word))
    return [shlex.split(line, comments=True) for line in block.text.splitlines()]


def typed(words: list[str]) -> Result:
    """A command of foliot's, as the page has it, in the folder of the test."""
    assert "foliot" == words[0]
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, words[1:])


class TestTheCommandsOfContributing:
    def test_are_targets_of_the_makefile(self) -> None:
        """The first thing that a contributor types."""
        targets = set(re.findall(r"^([a-z0-9-]+):", page("Makefile"), re.MULTILINE))
        asked = commands("CONTRIBUTING.md")

        assert {"make"} == {words[0] for words in asked}
        assert {target for words in asked for target in words[1:]} <= targets


class TestThePageOfContributing:
    def test_shows_a_test_that_is_python(self) -> None:
        """And is named as it says that tests are."""
        (shown,) = (one for one in blocks(page("CONTRIBUTING.md")) if "python" == one.language)
        (made,) = ast.parse(shown.text).body

        assert isinstance(made, ast.ClassDef)
        assert made.name.startswith("Test")


class TestTheCommandsOfTheDecisionOnJson:
    def test_start_a_gateway_from_its_files(self) -> None:
        """What the gateway does with them is told in tests/api/test_json_gateway.py."""
        make, envoy = commands("docs/decisions/0017-json-gateway.md")

        assert ["make", "descriptors"] == make
        assert "\ndescriptors:" in page("Makefile")
        assert ["envoy", "--config-path"] == envoy[:2]
        assert (ROOT / envoy[2]).is_file()


class TestTheCommandsOfInterchange:
    def test_take_a_machine_in_and_give_it_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """From SCXML to JSON, and from that to SCXML."""
        monkeypatch.chdir(tmp_path)
        door = '<state id="a"><transition event="e" target="b"/></state><state id="b"/>'
        (tmp_path / "door.scxml").write_text(document(door), "utf-8")
        done = [typed(words) for words in commands("docs/interchange.md")]

        assert [0, 0] == [one.exit_code for one in done], [one.output for one in done]
        assert "<scxml" in done[-1].stdout


class TestTheCommandsOfThePlugin:
    def test_name_a_package_for_an_executor(self) -> None:
        """tests/executor/test_plugins.py installs it, and has an executor work with it."""
        install, start = commands("examples/plugin/README.md")

        assert ["pip", "install"] == install[:2]
        assert (ROOT / install[2] / "pyproject.toml").is_file()
        assert "foliot-executor" == start[-1]
        assert 'FOLIOT_PLUGINS=["foliot-example"]' == start[0]


class TestTheCommandsOfScenarios:
    def test_play_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of a folder, with a report for a CI server, and one by itself with its trace."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "scenarios").mkdir()
        shutil.copy(ROOT / "examples/order.json", tmp_path)
        told = page("examples/order.yaml").replace("order.json", "../order.json")
        (tmp_path / "scenarios" / "paid.yaml").write_text(told, "utf-8")
        here = [
            words for words in commands("docs/scenarios.md", "play") if "--on-servers" not in words
        ]
        done = [typed(words) for words in here]

        assert [0, 0, 0] == [one.exit_code for one in done], [one.output for one in done]
        assert "1 passed" in done[0].output
        assert (tmp_path / "results.xml").is_file()

    def test_have_an_option_for_servers(self) -> None:
        """What such a run does is told in tests/simulation; here it would start servers."""
        (there,) = (
            words for words in commands("docs/scenarios.md", "play") if "--on-servers" in words
        )

        assert "--on-servers" in typed([*there[:2], "--help"]).output


class TestTheCommandsOfMeasuring:
    def test_have_a_target_and_its_options(self) -> None:
        """They take minutes, so they are run by hand."""
        ((make, target, options),) = commands("docs/watching.md", "measure")
        asked = [word for word in options.partition("=")[2].split() if word.startswith("--")]
        module = re.search(rf"^{target}:.*\n.*-m ([\w.]+) ", page("Makefile"), re.MULTILINE)

        assert "make" == make
        assert module is not None
        taken = page(f"{module[1].replace('.', '/')}.py")
        assert [] == [one for one in asked if f"{one.removeprefix('--')}: Annotated[" not in taken]


class TestTheCommandsOfRetention:
    async def test_set_and_list_it(self, foliot: Foliot) -> None:
        """In their order, of a tenant and of definitions."""
        done = [await foliot.run(*words[1:]) for words in commands("docs/retention.md", "set")]

        assert [0] * 4 == [one.exit_code for one in done], [one.output for one in done]
        assert "payroll" in done[-1].stdout

    async def test_remove_by_hand(self, postgres: PostgresWorld, tmp_path: Path) -> None:
        """On a database, without a server."""
        (words,) = commands("docs/retention.md", "run")
        places = {"postgresql://…": postgres.url, "/srv/archive": str(tmp_path)}
        done = await asyncio.to_thread(typed, [places.get(word, word) for word in words])

        assert 0 == done.exit_code, done.output


class TestAStatement:
    async def test_of_an_operator_runs_on_postgres(self, postgres: PostgresWorld) -> None:
        """What holds the feed up is looked for in a hurry, by copying it from docs/watching.md."""
        statements = [one.text for one in blocks(page("docs/watching.md")) if "sql" == one.language]
        for statement in statements:
            await postgres.owner.fetch(statement)

        assert 1 == len(statements)
