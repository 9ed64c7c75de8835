"""`foliot retention`, against a control plane that serves, and against a database."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from control_plane.cli.app import app
from tests.cli.conftest import Foliot


class TestARetention:
    async def test_that_was_set_is_listed(self, foliot: Foliot) -> None:
        """Every option reaches its field."""
        await foliot.run("retention", "set", "P90D")
        await foliot.run("retention", "set", "PT1H", "-d", "heartbeat", "--discard")
        await foliot.run("retention", "set", "forever", "-d", "payroll")

        listed = await foliot.run("retention", "list", "--output", "json")

        assert [
            (None, "7776000s", None),
            ("heartbeat", "3600s", True),
            ("payroll", None, None),
        ] == [
            (one.get("definitionKey"), one.get("retentionWindow"), one.get("discards"))
            for one in json.loads(listed.stdout)
        ]

    async def test_is_shown_in_a_line(self, foliot: Foliot) -> None:
        """What it is about, for how long, and what comes then."""
        shown = await foliot.run("retention", "set", "P90D")

        assert ["all", "others", "P90D", "archived", "and", "removed"] == (
            shown.stdout.splitlines()[1].split()
        )

    async def test_can_be_taken_back(self, foliot: Foliot) -> None:
        """Repeating is harmless, and says so."""
        await foliot.run("retention", "set", "P90D")

        first = await foliot.run("retention", "remove")
        again = await foliot.run("retention", "remove")

        assert (0, 0) == (first.exit_code, again.exit_code)
        assert "no such retention" in again.output

    @pytest.mark.parametrize("keep", ["soon", "P1M", "PT1S"])
    async def test_that_is_no_length_of_time_is_refused(self, foliot: Foliot, keep: str) -> None:
        """A month has no fixed length; a second is too short to read what happened."""
        refused = await foliot.run("retention", "set", keep)

        assert 0 != refused.exit_code

    async def test_is_the_administrators_to_set(self, foliot: Foliot) -> None:
        """An operator may see it."""
        refused = await foliot.run("retention", "set", "P90D", role="operator")
        seen = await foliot.run("retention", "list", role="operator")

        assert 0 != refused.exit_code
        assert 0 == seen.exit_code


class TestRunning:
    async def test_removes_now_what_is_past(self, migrated_url: str, tmp_path: Path) -> None:
        """Without a server."""
        ran = await asyncio.to_thread(
            CliRunner(env={"FOLIOT_DATABASE_URL": migrated_url}).invoke,
            app,
            ["retention", "run", "--archive-dir", str(tmp_path)],
        )

        assert 0 == ran.exit_code, ran.output
        assert "0 instances removed" in ran.stdout
