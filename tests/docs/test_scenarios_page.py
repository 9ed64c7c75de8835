"""docs/scenarios.md tells of the format that there is, and its examples are met."""

from pathlib import Path

import pytest

from control_plane.simulation import limits, read_scenario, run_scenario
from control_plane.simulation.result import ERROR_KEYS
from control_plane.simulation.scenario_reading import (
    AFTER_A_STEP,
    AT_THE_END,
    DISPOSITIONS,
    REASONS,
    SCENARIO_KEYS,
    STATUSES,
    TASK_KEYS,
)
from control_plane.simulation.script import DEFAULT_START
from control_plane.simulation.script_reading import VERBS
from shared.documents import Document, read_document
from tests.docs.pages import Block, blocks, code, page, rows, section

PAGE = page("docs/scenarios.md")
SCENARIOS = [block for block in blocks(PAGE) if block.language == "yaml"]
EXPECTATIONS = {cells[0].strip("`"): cells[1] for cells in rows(section(PAGE, "## Expectations"))}


def no_file(name: str) -> Document:
    return read_document(Path(name).read_bytes(), name)


class TestAnExample:
    @pytest.mark.parametrize("block", SCENARIOS, ids=lambda block: f"line{block.line}")
    def test_is_met(self, block: Block) -> None:
        """What the page shows is what runs."""
        scenario = read_scenario(read_document(block.text.encode(), "page.yaml"), no_file)

        assert () == run_scenario(scenario).mismatches


class TestTheWords:
    def test_at_the_top_are_those_of_the_format(self) -> None:
        """`$schema` is for editors, and no word of the scenario."""
        line = next(line for line in PAGE.splitlines() if line.startswith("At the top:"))

        assert set(SCENARIO_KEYS) - {"$schema"} == set(code(line))

    def test_of_steps_are_those_of_the_format(self) -> None:
        """Each with the words that go with it."""
        told = {
            cells[0].strip("`"): tuple(code(cells[1])) for cells in rows(section(PAGE, "## Steps"))
        }

        assert dict(VERBS) == told

    def test_of_expectations_are_those_of_the_format(self) -> None:
        """The last two are for steps only, as the page says."""
        assert list(AFTER_A_STEP) == list(EXPECTATIONS)
        assert set(AFTER_A_STEP) - set(AT_THE_END) == set(list(EXPECTATIONS)[-2:])

    @pytest.mark.parametrize(
        ("word", "values"),
        [
            ("status", STATUSES),
            ("error", ERROR_KEYS),
            ("tasks", TASK_KEYS),
            ("rejected", (*REASONS, "true")),
            ("disposition", DISPOSITIONS),
        ],
    )
    def test_of_one_expectation_are_those_of_the_format(
        self, word: str, values: tuple[str, ...]
    ) -> None:
        """A value that is not known is refused when the file is read."""
        assert list(values) == code(EXPECTATIONS[word])


class TestThePage:
    def test_tells_the_limits_that_are_kept(self) -> None:
        """Reaching one ends the run."""
        told = [int(cells[1]) for cells in rows(section(PAGE, "## Limits"))]

        assert [
            limits.MAX_STEPS,
            limits.MAX_DECISIONS,
            limits.MAX_SPAN.days,
            limits.MAX_MOCKS,
        ] == told

    def test_tells_when_a_run_starts(self) -> None:
        """Results depend on it where a definition looks at the time."""
        assert f"{DEFAULT_START:%Y-%m-%dT%H:%M:%SZ}" in PAGE
