"""`foliot definition diff`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from control_plane.cli.app import app

BEFORE = """
id: order
initial: open
states:
  open: { on: { PAY: { target: paid, guard: { "@expr": "event.sum > 5" } } } }
  paid: { on: { SEND: sent } }
  sent: { type: final }
"""
SAME = """{
  "id": "order",
  "states": {
    "open": {"on": {"PAY": [{"guard": {"@expr": "event.sum > 5"}, "target": "paid"}]}},
    "paid": {"on": {"SEND": "sent"}},
    "sent": {"type": "final"}
  },
  "initial": "open"
}"""


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The definition as it was."""
    made = tmp_path / "before.yaml"
    made.write_text(BEFORE)
    return made


def diff(before: Path, after: str, *options: str) -> Result:
    there = before.with_name("after.yaml")
    there.write_text(after)
    arguments = ["definition", "diff", str(before), str(there), *options]
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


class TestADifference:
    def test_that_is_none_exits_with_zero(self, before: Path) -> None:
        """JSON or YAML, a word or a list of one: what it does is the same."""
        result = diff(before, SAME)

        assert (0, "IDENTICAL: nothing differs\n") == (result.exit_code, result.output)

    def test_is_told_with_what_it_means_and_exits_with_one(self, before: Path) -> None:
        """Both wordings, and whether running instances can go on."""
        after = BEFORE.replace("sum > 5", "sum > 9").replace("sent", "shipped")
        result = diff(before, after)

        assert 1 == result.exit_code
        for line in (
            "~ state sent → shipped (by its structure",
            "    ~ transition PAY (guard)",
            "        - [event.sum > 5] → paid",
            "        + [event.sum > 9] → paid",
            "NEEDS_MAPPING: ",
            "    sent: it is called 'shipped' now",
        ):
            assert line in result.output, result.output

    def test_is_told_to_programs(self, before: Path) -> None:
        """The same as data, and the same exit code."""
        result = diff(before, BEFORE.replace("sum > 5", "sum > 9"), "--output", "json")
        told = json.loads(result.output)

        assert (1, "COMPATIBLE") == (result.exit_code, told["compatibility"])
        assert "/states/open/on/PAY" == told["changes"][0]["after_pointer"]


class TestAFileThatIsNoDefinition:
    @pytest.mark.parametrize("after", ["{", "initial: nowhere\nstates: { a: {} }"])
    def test_exits_with_two(self, before: Path, after: str) -> None:
        """A script can tell it from a difference."""
        result = diff(before, after)

        assert 2 == result.exit_code
        assert "after.yaml" in result.output
