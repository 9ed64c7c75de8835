"""`foliot definition validate` and `simulate`: what they print, and the status they end with."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from control_plane.cli.app import app
from shared.errors import InvalidRequest

GOOD = """\
context: { amount: { "@expr": event.input.amount } }
initial: draft
states:
  draft:
    on:
      SUBMIT:
        - { guard: { "@expr": context.amount < 100 }, target: approved }
        - review
  review: { on: { APPROVE: approved }, after: { P2D: draft } }
  approved: { type: final }
"""
BAD = GOOD.replace("target: approved", "target: aproved")
SCRIPT = """\
input: { amount: 500 }
steps:
  - send: SUBMIT
  - advance: P2D
    expect: { state: draft }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good definition."""
    made = tmp_path / "approval.yaml"
    made.write_text(GOOD)
    return made


def foliot(*arguments: object, given: str | None = None) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(
        app, [str(one) for one in arguments], input=given
    )


class TestValidate:
    def test_tells_the_line_and_the_remedy(self, tmp_path: Path) -> None:
        """What one clicks on, and what one does then."""
        file = tmp_path / "bad.yaml"
        file.write_text(BAD)

        result = foliot("definition", "validate", file)

        assert 1 == result.exit_code
        assert f"{file}:7:55 error" in result.output
        assert "did you mean 'approved'?" in result.output
        assert "at /states/draft/on/SUBMIT/0/target" in result.output

    def test_says_so_if_nothing_is_wrong(self, file: Path) -> None:
        """Silence could mean that nothing was looked at."""
        result = foliot("definition", "validate", file)

        assert 0 == result.exit_code, result.output
        assert "0 errors" in result.output or "nothing is wrong" in result.output

    def test_tells_programs_the_same(self, tmp_path: Path) -> None:
        """Both places, the file's and the document's."""
        file = tmp_path / "bad.yaml"
        file.write_text(BAD)

        result = foliot("definition", "validate", file, "--output", "json")

        told = json.loads(result.output)
        assert 1 == result.exit_code
        assert not told["valid"]
        first = told["diagnostics"][0]
        assert (7, 55) == (first["line"], first["column"])
        assert "/states/draft/on/SUBMIT/0/target" == first["json_pointer"]

    def test_reads_standard_input(self) -> None:
        """For pipes."""
        result = foliot("definition", "validate", "-", given=BAD)

        assert 1 == result.exit_code
        assert "<stdin>:7:55" in result.output

    def test_refuses_what_is_no_document_with_its_place(self, tmp_path: Path) -> None:
        """`foliot` prints it as a sentence."""
        file = tmp_path / "bad.yaml"
        file.write_text("initial: a\ninitial: b\n")

        result = foliot("definition", "validate", file)

        assert isinstance(result.exception, InvalidRequest)
        assert f"{file}:2:1: the key 'initial' stands twice" in str(result.exception)

    def test_refuses_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        """No traceback for a slip of the finger."""
        result = foliot("definition", "validate", tmp_path / "none.yaml")

        assert isinstance(result.exception, InvalidRequest)
        assert "No such file" in str(result.exception)


class TestSimulate:
    def test_tells_what_happens(self, file: Path) -> None:
        """Event, states, and how the instance stands."""
        result = foliot("definition", "simulate", file, "-i", "amount: 5", "-e", "SUBMIT")

        assert 0 == result.exit_code, result.output
        assert "left draft; entered approved" in result.output
        assert '= "approved" completed' in result.output
        assert "guard" not in result.output

    def test_tells_of_guards_if_asked(self, file: Path) -> None:
        """With their values, and what they read."""
        result = foliot("definition", "simulate", file, "-i", "amount: 500", "-e", "SUBMIT", "-t")

        assert "/states/draft/on/SUBMIT/0  guard false  context.amount = 500" in result.output
        assert "▸ /states/draft/on/SUBMIT/1" in result.output

    def test_tells_fractions_of_seconds(self, file: Path, tmp_path: Path) -> None:
        """A timer that seems to be due now, and is not, is a riddle."""
        script = tmp_path / "script.yaml"
        script.write_text("input: { amount: 500 }\nsteps:\n- advance: 1500\n- send: SUBMIT\n")

        result = foliot("definition", "simulate", file, "-s", script)

        assert "1 advance PT1.5S  2026-01-01 00:00:01.5" in result.output
        assert "next timer: 2026-01-03 00:00:01.5" in result.output

    def test_tells_what_is_kept_for_later(self) -> None:
        """In another word than that of an instance that waits."""
        result = foliot(
            "definition",
            "simulate",
            "-",
            "-e",
            "LATER",
            given="unhandled: defer\ninitial: a\nstates: { a: { on: { GO: a } } }\n",
        )

        assert '= "a" waiting  deferred: LATER' in result.output

    def test_tells_so_much_of_a_circle(self, tmp_path: Path) -> None:
        """A thousand lines that say the same hide the one that says why."""
        file = tmp_path / "circle.yaml"
        file.write_text(
            "initial: a\ncontext: { on: true }\nstates:\n"
            '  a: { always: { guard: { "@expr": context.on }, target: b } }\n'
            '  b: { always: { guard: { "@expr": context.on }, target: a } }\n'
        )

        result = foliot("definition", "simulate", file)

        assert 1 == result.exit_code
        assert "more microsteps" in result.output
        assert 60 > len(result.output.splitlines())

    def test_ends_with_1_if_an_event_was_refused(self, file: Path) -> None:
        """So that a CI job fails."""
        result = foliot(
            "definition", "simulate", file, "-i", "amount: 5", "-e", 'APPROVE={"by": "me"}'
        )

        assert 1 == result.exit_code
        assert 'event APPROVE {"by": "me"}' in result.output
        assert "refused, EVENT_NOT_ACCEPTED" in result.output

    def test_plays_a_script_and_then_the_events(self, file: Path, tmp_path: Path) -> None:
        """Where the script's timers have fired meanwhile."""
        script = tmp_path / "script.yaml"
        script.write_text(SCRIPT)

        result = foliot("definition", "simulate", file, "-s", script, "-e", "SUBMIT")

        assert 0 == result.exit_code, result.output
        assert "fired" in result.output
        assert '= "review" waiting' in result.output.splitlines()[-1]

    def test_ends_with_1_if_it_is_not_as_the_script_expects(
        self, file: Path, tmp_path: Path
    ) -> None:
        """With the line that expects it."""
        script = tmp_path / "script.yaml"
        script.write_text(SCRIPT.replace("state: draft", "state: review"))

        result = foliot("definition", "simulate", file, "-s", script)

        assert 1 == result.exit_code
        assert f"{script}:5:15 after step 2, state" in result.output

    def test_tells_programs_the_same(self, file: Path) -> None:
        """All of it, as JSON."""
        result = foliot(
            "definition", "simulate", file, "-i", "amount: 5", "-e", "SUBMIT", "--output", "json"
        )

        told = json.loads(result.output)
        assert ["start", "send SUBMIT"] == [one["step"] for one in told["steps"]]
        assert "completed" == told["steps"][-1]["status"]
        assert [] == told["mismatches"]

    def test_refuses_an_input_that_is_no_object(self, file: Path) -> None:
        """With the option that it came in."""
        result = foliot("definition", "simulate", file, "-i", "5")

        assert isinstance(result.exception, InvalidRequest)
        assert "--input" in str(result.exception)
