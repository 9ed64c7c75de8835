"""`foliot definition render`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from control_plane.cli.app import app
from control_plane.drawing import is_available

GOOD = """
id: order
initial: open
states:
  open: { on: { PAY: work } }
  work: { initial: packing, states: { packing: {} } }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good definition."""
    made = tmp_path / "order.yaml"
    made.write_text(GOOD)
    return made


def render(*arguments: object, given: str | None = None) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["definition", "render", *map(str, arguments)], input=given
    )


class TestADrawing:
    @pytest.mark.parametrize(
        ("options", "begins"),
        [((), "stateDiagram-v2"), (("--format", "dot"), "digraph machine")],
    )
    def test_is_printed(self, file: Path, options: tuple[str, ...], begins: str) -> None:
        """Mermaid unless something else is asked for."""
        result = render(file, *options)

        assert (0, True) == (result.exit_code, result.stdout.startswith(begins)), result.output

    def test_of_what_comes_in(self) -> None:
        """`-` is standard input, as everywhere."""
        assert "PAY" in render("-", given=GOOD).stdout

    def test_is_written_to_a_file_that_tells_the_format(self, file: Path, tmp_path: Path) -> None:
        """The name says it already."""
        output = tmp_path / "order.dot"
        result = render(file, "--to", output)

        assert (0, "") == (result.exit_code, result.output)
        assert output.read_text().startswith("digraph machine")

    @pytest.mark.skipif(not is_available(), reason="no Graphviz here")
    def test_may_be_a_picture(self, file: Path, tmp_path: Path) -> None:
        """For a page, or for a mail."""
        output = tmp_path / "order.png"
        render(file, "--to", output)

        assert b"\x89PNG" == output.read_bytes()[:4]

    def test_lets_states_stand_out(self, file: Path) -> None:
        """By their paths; more than one where regions are side by side."""
        result = render(file, "--active", "work.packing")

        assert "class s3 active" in result.stdout


class TestWhatCannotBeDrawn:
    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (("--format", "gif"), "take one of mermaid, dot, svg, png"),
            (("--active", "closed"), "there is no state 'closed'"),
            (("--to", "/nowhere/x.dot"), "/nowhere/x.dot: "),
            (("--to", "x.jpg"), "the name 'x.jpg' tells no format; say which with --format"),
        ],
    )
    def test_is_refused_with_what_there_is(
        self, file: Path, options: tuple[str, ...], says: str
    ) -> None:
        """A sentence, and never a traceback."""
        result = render(file, *options)

        assert 1 == result.exit_code
        assert says in result.output

    def test_is_named_with_the_line_of_its_first_error(self, tmp_path: Path) -> None:
        """Of many files, the one to mend."""
        file = tmp_path / "bad.yaml"
        file.write_text(GOOD.replace("initial: open", "initial: opne"))
        result = render(file)

        assert 1 == result.exit_code
        assert f"{file}:3:1: 'opne' is not a child" in result.output

    def test_without_graphviz_says_what_to_install(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The remedy is a command away."""
        monkeypatch.setattr("control_plane.drawing.graphviz._program", lambda: None)
        result = render(file, "--format", "svg")

        assert 1 == result.exit_code
        assert "install foliot[draw]" in result.output
