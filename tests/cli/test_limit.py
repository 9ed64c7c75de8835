"""`foliot limit`, against a control plane that serves."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from typer.testing import CliRunner, Result

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.cli.app import app
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
        ["limit", *arguments],
    )


class TestALimit:
    async def test_that_was_set_is_listed(self, serving: Serving) -> None:
        """Every option reaches its field, and a burst has its default."""
        await foliot(serving, "set", "--max-running", "50")
        await foliot(serving, "set", "-k", "bank", "--rate", "2.5")
        await foliot(serving, "set", "-k", "mail", "--rate", "1", "--burst", "7")

        listed = await foliot(serving, "list", "--output", "json")

        told = [
            (one.get("limitKey"), one.get("maxRunning"), one.get("rate"))
            for one in json.loads(listed.stdout)
        ]
        assert [
            (None, 50, None),
            ("bank", None, {"tasksPerSecond": 2.5, "burst": 3}),
            ("mail", None, {"tasksPerSecond": 1.0, "burst": 7}),
        ] == told

    async def test_is_shown_in_a_line(self, serving: Serving) -> None:
        """What it is on, what it says, and what runs."""
        shown = await foliot(serving, "set", "--max-running", "50")

        assert ["all tasks", "50", "0"] == [
            word.strip() for word in shown.stdout.splitlines()[1].split("  ") if word.strip()
        ]

    async def test_that_is_removed_is_gone(self, serving: Serving) -> None:
        """Removing what is not there says so, and is no failure."""
        await foliot(serving, "set", "-k", "bank", "--max-running", "1")
        removed = await foliot(serving, "remove", "-k", "bank")
        again = await foliot(serving, "remove", "-k", "bank")
        left = await foliot(serving, "list", "--output", "json")

        assert (0, "") == (removed.exit_code, removed.output)
        assert (0, "there was no such limit\n") == (again.exit_code, again.output)
        assert [] == json.loads(left.stdout)

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (("set",), "max_running"),
            (("set", "--burst", "3"), "--rate"),
            (("set", "--rate", "0"), "tasks_per_second"),
            (("set", "--rate", "1", "--burst", "-1"), "burst"),
            (("set", "-k", "x" * 201, "--max-running", "1"), "200 characters"),
            (("remove", "-k", "x" * 201), "200 characters"),
        ],
    )
    async def test_that_makes_no_sense_is_refused(
        self, serving: Serving, arguments: tuple[str, ...], expected: str
    ) -> None:
        """With the field or the option to mend."""
        refused = await foliot(serving, *arguments)

        assert 1 == refused.exit_code
        assert expected in refused.output

    async def test_is_nothing_for_a_viewer_to_set(self, serving: Serving) -> None:
        """Who may look may not hold others up."""
        refused = await foliot(serving, "set", "--max-running", "1", role="viewer")
        listed = await foliot(serving, "list", "--output", "json", role="viewer")

        assert 1 == refused.exit_code
        assert "limit.write" in refused.output
        assert [] == json.loads(listed.stdout)
