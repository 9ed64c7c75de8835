"""docs/definitions.md: each timer that it shows is due when it says."""

import json

import pytest

from control_plane.engine.instants import read_instant, write_instant
from tests.docs.pages import page, rows, section
from tests.engine.telling import NOW, Instance

TIME = section(page("docs/definitions.md"), "## Time")
SHOWN = [[cell.strip("`") for cell in cells] for cells in rows(TIME)]


class TestATimerOfThePage:
    @pytest.mark.parametrize(("given", "due"), SHOWN)
    def test_is_due_when_the_page_says(self, given: str, due: str) -> None:
        """Created at the instant that the page names."""
        invoke = {"src": "timer", "input": json.loads(given)}
        it = Instance({"initial": "a", "states": {"a": {"invoke": invoke}}})

        assert f"created at `{write_instant(NOW)}`" in TIME
        assert [read_instant(due)] == [task.run_at for task in it.created]
