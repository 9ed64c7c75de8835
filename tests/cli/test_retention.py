"""`foliot retention`, against a control plane that serves, and against a database."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.cli.app import app
from migrations import upgrade
from tests.api.serving import Serving, serving_from


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """A control plane that nothing was asked of yet."""
    async with serving_from(MemoryDatabase()) as started:
        yield started


async def foliot(serving: Serving, *arguments: str, role: str = "tenant_admin") -> Result:
    """The command as an administrator of the tenant; in a thread, as the server is in this one."""
    return await asyncio.to_thread(
        CliRunner(
            env={
                "FOLIOT_CONTROL_PLANE": serving.address,
                "FOLIOT_KEY": await serving.key(role),
                "COLUMNS": "200",
            }
        ).invoke,
        app,
        ["retention", *arguments],
    )


class TestARetention:
    async def test_that_was_set_is_listed(self, serving: Serving) -> None:
        """Every option reaches its field."""
        await foliot(serving, "set", "P90D")
        await foliot(serving, "set", "PT1H", "-d", "heartbeat", "--discard")
        await foliot(serving, "set", "forever", "-d", "payroll")

        listed = await foliot(serving, "list", "--output", "json")

        assert [
            (None, "7776000s", None),
            ("heartbeat", "3600s", True),
            ("payroll", None, None),
        ] == [
            (one.get("definitionKey"), one.get("retentionWindow"), one.get("discards"))
            for one in json.loads(listed.stdout)
        ]

    async def test_is_shown_in_a_line(self, serving: Serving) -> None:
        """What it is about, for how long, and what comes then."""
        shown = await foliot(serving, "set", "P90D")

        assert ["all", "others", "P90D", "archived", "and", "removed"] == (
            shown.stdout.splitlines()[1].split()
        )

    async def test_can_be_taken_back(self, serving: Serving) -> None:
        """Repeating is harmless, and says so."""
        await foliot(serving, "set", "P90D")

        first = await foliot(serving, "remove")
        again = await foliot(serving, "remove")

        assert (0, 0) == (first.exit_code, again.exit_code)
        assert "no such retention" in again.output

    @pytest.mark.parametrize("keep", ["soon", "P1M", "PT1S"])
    async def test_that_is_no_length_of_time_is_refused(self, serving: Serving, keep: str) -> None:
        """A month has no fixed length; a second is too short to read what happened."""
        refused = await foliot(serving, "set", keep)

        assert 0 != refused.exit_code

    async def test_is_the_administrators_to_set(self, serving: Serving) -> None:
        """An operator may see it."""
        refused = await foliot(serving, "set", "P90D", role="operator")
        seen = await foliot(serving, "list", role="operator")

        assert 0 != refused.exit_code
        assert 0 == seen.exit_code


class TestRunning:
    async def test_removes_now_what_is_past(self, database_url: str, tmp_path: Path) -> None:
        """Without a server."""
        await upgrade(database_url)

        ran = await asyncio.to_thread(
            CliRunner(env={"FOLIOT_DATABASE_URL": database_url}).invoke,
            app,
            ["retention", "run", "--archive-dir", str(tmp_path)],
        )

        assert 0 == ran.exit_code, ran.output
        assert "0 instances removed" in ran.stdout
