"""The command line as a whole: its help, its release, and how quickly it is there."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from control_plane.cli.app import PANELS, app
from control_plane.cli.measuring import run_bench

HEAVY = ("grpc", "google.protobuf", "asyncpg", "cryptography", "control_plane.engine")


class TestHelp:
    def test_is_there_before_anything_heavy_is(self) -> None:
        """The first that a person types is not to wait for what only a command needs."""
        script = (
            "import sys; from control_plane.cli.app import app;"
            " app(['instance', '--help'], standalone_mode=False);"
            f" print([name for name in {HEAVY} if name in sys.modules])"
        )

        said = subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True
        ).stdout

        assert "[]" == said.splitlines()[-1]

    def test_shows_what_one_begins_with_first(self) -> None:
        """The rest follows by what it is for."""
        shown = CliRunner(env={"COLUMNS": "120"}).invoke(app, ["--help"]).stdout

        places = [shown.index(f"─ {panel} ") for panel in PANELS]
        assert sorted(places) == places

    def test_of_a_command_keeps_apart_what_says_which_server(self) -> None:
        """Nine options that are the same everywhere are in nobody's way."""
        shown = CliRunner(env={"COLUMNS": "120"}).invoke(app, ["instance", "get", "--help"]).stdout

        assert (
            shown.index("--tasks")
            < shown.index("Which server, and as whom")
            < shown.index("--ca-file")
        )


class TestTheVersion:
    def test_is_said(self) -> None:
        """Whoever reports a bug is asked for it."""
        assert CliRunner().invoke(app, ["--version"]).stdout.startswith("foliot 0.")


class TestTheBench:
    def test_gets_the_options_that_are_its_own(self) -> None:
        """Its help is the bench's, not the command line's."""
        said = subprocess.run(
            [str(Path(sys.executable).parent / "foliot"), "bench", "--help"],
            check=False,
            capture_output=True,
            text=True,
        )

        assert (0, True) == (said.returncode, "--scale" in said.stdout), said.stderr

    def test_that_is_not_installed_says_where_it_is(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It comes with the sources."""
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

        with pytest.raises(SystemExit) as ended:
            run_bench([])

        assert (1, True) == (ended.value.code, "make bench" in capsys.readouterr().err)
