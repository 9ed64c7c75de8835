"""docs/metrics.md has the table as it is, and its commands work."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.meters.samples import SAMPLE_EVERY_S
from shared.settings import Settings
from shared.telemetry import metrics_page
from shared.telemetry.endpoint import LIVE_WITHIN_S, Endpoint
from shared.telemetry.metric_names import PROCESS, Metric
from shared.telemetry.metrics import MAX_MODELS, MAX_QUEUES, MAX_TENANTS, introduce
from tests.api.serving import serving_from
from tests.docs.pages import blocks, page, rows, section
from tests.docs.shell import run_within

PAGE = page("docs/metrics.md")
HERE = "127.0.0.1:9464"


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """Where a control plane tells of itself."""
    introduce("0.1.0", "control plane")
    async with serving_from(MemoryDatabase()) as serving, Endpoint("127.0.0.1:0") as endpoint:
        endpoint.vitals = serving.control_plane.vitals
        yield endpoint.address


class TestTheTables:
    def test_are_those_of_the_code(self) -> None:
        """`make gen` writes them."""
        assert PAGE == metrics_page.written(PAGE)

    def test_have_every_metric_once(self) -> None:
        """Whoever reads the page knows all there is."""
        told = [
            cells[0].strip("`")
            for heading in ("## Both planes", "## The control plane", "## Executors")
            for cells in rows(section(PAGE, heading))
        ]

        assert sorted([*(one.value.name for one in Metric), *PROCESS]) == sorted(told)


class TestItsCommands:
    async def test_work(self, address: str, tmp_path: Path) -> None:
        """On the port of a control plane."""
        import asyncio

        [block] = [one for one in blocks(PAGE) if one.language == "sh"]
        script = block.text.replace(HERE, address)

        printed = await asyncio.to_thread(run_within, 30.0, script, tmp_path)

        assert printed.startswith("alive\n")
        assert '"ready": true' in printed
        assert 'foliot_build_info{plane="control plane"' in printed


class TestItsNumbers:
    def test_are_those_of_the_code(self) -> None:
        """Each has a name there."""
        text = re.sub(r"\s+", " ", PAGE)

        assert f"has not answered for {LIVE_WITHIN_S:g} s" in text
        assert f"once in {SAMPLE_EVERY_S:g} s" in text
        assert f"up to {MAX_QUEUES} and {MAX_MODELS} of them" in text
        assert f"{MAX_TENANTS:,} at most" in text
        [bound] = [
            one.le
            for one in Settings.model_fields["metrics_tenants"].metadata
            if hasattr(one, "le")
        ]
        assert MAX_TENANTS == bound
