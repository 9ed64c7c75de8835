"""Every alert has its runbook, and what a runbook says to type works."""

import asyncio
import re
from pathlib import Path

import asyncpg
import pytest
import yaml

from control_plane.adapters.memory.database import MemoryDatabase
from shared.ids import TenantId
from shared.telemetry.endpoint import Endpoint
from tests.api.serving import serving_from
from tests.cli.conftest import Foliot
from tests.docs.pages import ROOT, Block, blocks, code, page
from tests.docs.shell import run_within
from tests.telemetry.promql import wrong_with
from tests.telemetry.test_rules_and_dashboards import series

RULES = yaml.safe_load(page("deploy/prometheus/foliot.rules.yml"))
ALERTS = sorted(
    rule["alert"] for group in RULES["groups"] for rule in group["rules"] if "alert" in rule
)
BOOKS = sorted(path.stem for path in (ROOT / "docs/runbooks").glob("Foliot*.md"))
SECTIONS = ["Look", "Do", "It is over when"]
HERE = "127.0.0.1:9464"
OF_TENANTS = ("foliot task", "foliot instance", "foliot limit", "foliot ai")
"""Commands that are about one tenant; the others take a key of the platform."""


def told(language: str) -> list[tuple[str, Block]]:
    """The blocks of all runbooks in a language."""
    return [
        (book, block)
        for book in BOOKS
        for block in blocks(page(f"docs/runbooks/{book}.md"))
        if block.language == language
    ]


def lines(beginning: str) -> list[str]:
    """Each command of that beginning, once."""
    found = {
        line
        for _, block in told("sh")
        for line in block.text.splitlines()
        if line.startswith(beginning)
    }
    return sorted(found)


class TestAnAlert:
    def test_has_a_runbook_and_no_runbook_is_of_none(self) -> None:
        """At night one looks for the page by the alert's name."""
        assert ALERTS == BOOKS

    def test_is_in_the_list_of_runbooks(self) -> None:
        """With its first sentence."""
        index = re.findall(r"\| \[(\w+)\]\(\1\.md\) \|", page("docs/runbooks/README.md"))

        assert ALERTS == sorted(index)


class TestARunbook:
    @pytest.mark.parametrize("book", BOOKS)
    def test_says_what_it_means_how_to_look_what_to_do_and_when_it_is_over(self, book: str) -> None:
        """All of them the same way: nobody reads well at night."""
        text = page(f"docs/runbooks/{book}.md")

        assert text.startswith(f"# {book}\n\n")
        assert SECTIONS == re.findall(r"^## (.+)$", text, re.MULTILINE)

    def test_asks_prometheus_for_what_is_told(self) -> None:
        """A figure that is empty says that all is well, and may not be true."""
        wrong = {
            (book, line): found
            for book, block in told("promql")
            for line in block.text.splitlines()
            if (found := wrong_with(line, series()))
        }

        assert {} == wrong

    def test_names_metrics_that_are_told(self) -> None:
        """Beside its blocks, too."""
        named = {
            name
            for book in BOOKS
            for name in code(page(f"docs/runbooks/{book}.md"))
            if re.fullmatch(r"(foliot|process)_[a-z_]+", name)
        }

        assert set() == named - set(series()) - {"foliot_executor", "foliot_control_plane"}

    def test_has_blocks_of_no_other_kind(self) -> None:
        """What nobody runs is one day wrong."""
        kinds = {
            f"{block.language} {block.word}".strip()
            for book in BOOKS
            for block in blocks(page(f"docs/runbooks/{book}.md"))
        }

        assert {"sh look", "sql look", "promql"} == kinds


class TestItsCommands:
    async def test_work_on_a_server(self, tmp_path: Path) -> None:
        """Each of them once, by the key that it wants."""
        failed = {}
        database = MemoryDatabase(tenants={TenantId("acme"): "Acme"})
        async with serving_from(database) as serving:
            foliot = Foliot(serving, tmp_path)
            for line in lines("foliot "):
                role = "tenant_admin" if line.startswith(OF_TENANTS) else "platform_admin"
                result = await foliot.run(*line.split()[1:], role=role)
                if result.exit_code:
                    failed[line] = result.output

        assert {} == failed

    async def test_ask_the_port_of_a_process(self, tmp_path: Path) -> None:
        """Which says whether it is ready, and what it lacks."""
        async with Endpoint("127.0.0.1:0") as endpoint:
            script = "\n".join(lines("curl ")).replace(HERE, endpoint.address)
            printed = await asyncio.to_thread(run_within, 30.0, script, tmp_path)

        assert '"ready": false' in printed

    def test_are_of_foliot_or_curl(self) -> None:
        """Nothing else is run here."""
        assert {"foliot", "curl"} == {
            line.split()[0] for _, block in told("sh") for line in block.text.splitlines()
        }


class TestItsStatements:
    async def test_run_as_the_owner_of_the_schema(self, migrated_url: str) -> None:
        """On a database as this release makes it."""
        connection = await asyncpg.connect(migrated_url)
        try:
            for _, block in told("sql"):
                await connection.fetch(block.text)
        finally:
            await connection.close()
