"""`foliot definition import` and `export`, as they are typed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from control_plane.cli.app import app
from tests.interchange.playing import document

GOOD = document('<state id="a"><transition event="e" target="b"/></state><state id="b"/>')
BAD = document('<state id="a">\n<onentry><script>x()</script></onentry></state>')


def run(*words: str | Path, given: str | bytes | None = None) -> Result:
    """The command, in a terminal wide enough for its tables."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["definition", *map(str, words)], input=given
    )


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "door.scxml"
    path.write_text(GOOD, encoding="utf-8")
    return path


class TestImporting:
    def test_writes_a_definition(self, good: Path) -> None:
        """The format is told by the file's name."""
        result = run("import", good)

        assert (0, ["a", "b"]) == (result.exit_code, list(json.loads(result.stdout)["states"]))

    def test_writes_where_it_is_told(self, good: Path, tmp_path: Path) -> None:
        """And nothing to standard output."""
        output = tmp_path / "door.json"
        result = run("import", good, "--to", output, "--whole-names")

        assert (0, "", {"e": "b"}) == (
            result.exit_code,
            result.stdout,
            json.loads(output.read_text())["states"]["a"]["on"],
        )

    def test_reads_standard_input(self) -> None:
        """Which has no name, so the format is said."""
        result = run("import", "-", "--format", "scxml", given=GOOD)

        assert (0, True) == (result.exit_code, '"initial": "a"' in result.stdout)

    def test_names_what_it_refuses_and_writes_nothing(self) -> None:
        """A definition that does less than its source must be asked for."""
        result = run("import", "-", "--format", "scxml", given=BAD)

        assert (1, "", True) == (
            result.exit_code,
            result.stdout,
            "<script>" in result.stderr and "line 3" in result.stderr,
        )

    def test_writes_the_rest_where_that_is_asked_for(self) -> None:
        """What is refused is named all the same."""
        result = run("import", "-", "--format", "scxml", "--partial", given=BAD)

        assert (0, True, True) == (
            result.exit_code,
            "<script>" in result.stderr,
            '"a": {}' in result.stdout,
        )

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (b"<scxml>", "<stdin>: line 1, column 8: this is no XML"),
            (b"<scxml>\xff</scxml>", "<stdin>: byte 7 is not UTF-8"),
        ],
    )
    def test_ends_with_a_sentence_for_what_it_cannot_read(self, given: bytes, said: str) -> None:
        """And never with a traceback."""
        result = run("import", "-", "--format", "scxml", given=given)

        assert (1, True) == (result.exit_code, said in result.stderr)

    def test_ends_with_a_sentence_for_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        """It says which."""
        result = run("import", tmp_path / "none.scxml")

        assert (1, True) == (result.exit_code, "No such file" in result.stderr)

    def test_says_how_a_machine_comes_out_of_a_program(self, tmp_path: Path) -> None:
        """Most machines of XState are in one, and few know that there is a config in them."""
        path = tmp_path / "light.ts"
        path.write_text("export const light = createMachine({})", encoding="utf-8")
        result = run("import", path)

        assert (1, True) == (result.exit_code, f"{path}: " in result.stderr)
        assert "JSON.stringify(machine.config)" in result.stderr

    def test_cuts_no_place_off_in_a_narrow_terminal(self, tmp_path: Path) -> None:
        """Nor in the log of a CI job, which has no width."""
        path = tmp_path / "light.json"
        path.write_text('{"initial":"a","states":{"a":{"on":{"FLASH":{"cond":"b"}}}}}', "utf-8")
        result = CliRunner(env={"COLUMNS": "60"}).invoke(app, ["definition", "import", str(path)])

        assert (1, False) == (result.exit_code, "…" in result.stderr)

    def test_says_when_the_definition_is_not_complete(self) -> None:
        """What can be said may still be no definition; the validator knows."""
        endless = document(
            '<state id="a"><transition target="b"/></state><state id="b"><transition target="a"/>'
            "</state>"
        )
        result = run("import", "-", "--format", "scxml", given=endless)

        assert (0, True) == (result.exit_code, "foliot definition validate" in result.stderr)

    def test_takes_a_config_of_xstate_as_it_is(self, tmp_path: Path) -> None:
        """JSON is XState's unless something else is said."""
        path = tmp_path / "light.json"
        path.write_text('{"initial": "a", "states": {"a": {}}}', encoding="utf-8")
        result = run("import", path)

        assert {"initial": "a", "states": {"a": {}}} == json.loads(result.stdout)


class TestExporting:
    SPEC = '{"unhandled": "ignore", "initial": "a", "states": {"a": {"on": {"e": "a"}}}}'

    @pytest.mark.parametrize(("form", "begins"), [("scxml", "<?xml"), ("xstate", "{")])
    def test_writes_the_format_that_is_asked_for(self, form: str, begins: str) -> None:
        """With what it could not say on standard error."""
        result = run("export", "-", "--format", form, "--partial", given=self.SPEC)

        assert (0, True) == (result.exit_code, result.stdout.startswith(begins))

    def test_names_what_it_leaves_out_and_writes_nothing(self) -> None:
        """XState has no policy for events that nobody answers."""
        result = run("export", "-", "--format", "xstate", given=self.SPEC)

        assert (1, "", True) == (result.exit_code, result.stdout, "/unhandled" in result.stderr)

    @pytest.mark.parametrize("given", ["[]", "{", '{"initial": "z"}'])
    def test_ends_with_a_sentence_for_what_is_no_definition(self, given: str) -> None:
        """And never with a traceback."""
        result = run("export", "-", "--format", "scxml", given=given)

        assert (1, True) == (result.exit_code, result.stderr.startswith("foliot: <stdin>:1:"))
