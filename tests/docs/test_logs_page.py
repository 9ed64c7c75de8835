"""docs/logs.md and docs/tracing.md have the names as they are, and show what there is."""

import json

import pytest

from shared.telemetry import names_page
from shared.telemetry.log_fields import OF_EVERY_LINE, OF_THE_WORK
from shared.telemetry.names import LogEvent
from shared.telemetry.tracing import FLUSH_WITHIN_S
from tests.docs.pages import blocks, page, rows, section


class TestTheTables:
    @pytest.mark.parametrize("name", ["docs/logs.md", "docs/tracing.md"])
    def test_are_those_of_the_code(self, name: str) -> None:
        """`make gen` writes them."""
        assert page(name) == names_page.written(page(name))

    def test_have_every_event_once(self) -> None:
        """Whoever reads the page knows all there is to match on."""
        told = [cells[0].strip("`") for cells in rows(section(page("docs/logs.md"), "## Events"))]

        assert list(LogEvent) == told


class TestTheEndOfAProcess:
    def test_waits_for_its_spans_as_long_as_the_page_says(self) -> None:
        """Whoever sets a grace period adds it."""
        assert 5 == FLUSH_WITHIN_S
        assert "for five seconds at most" in page("docs/tracing.md")


class TestTheLineThatIsShown:
    def test_has_the_fields_of_an_attempt(self) -> None:
        """It is what a function's own logging comes out as."""
        (block,) = [one for one in blocks(page("docs/logs.md")) if one.language == "json"]
        line = json.loads(block.text)

        assert set() == line.keys() - {*OF_EVERY_LINE, *OF_THE_WORK}
        assert {"tenant_id", "definition", "instance_id", "task_id", "attempt"} < line.keys()
