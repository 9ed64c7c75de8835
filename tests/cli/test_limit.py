"""`foliot limit`, against a control plane that serves."""

import json

import pytest

from tests.cli.conftest import Foliot


class TestALimit:
    async def test_that_was_set_is_listed(self, foliot: Foliot) -> None:
        """Every option reaches its field, and a burst has its default."""
        await foliot.run("limit", "set", "--max-running", "50")
        await foliot.run("limit", "set", "-k", "bank", "--rate", "2.5")
        await foliot.run("limit", "set", "-k", "mail", "--rate", "1", "--burst", "7")

        listed = await foliot.run("limit", "list", "--output", "json")

        told = [
            (one.get("limitKey"), one.get("maxRunning"), one.get("rate"))
            for one in json.loads(listed.stdout)
        ]
        assert [
            (None, 50, None),
            ("bank", None, {"tasksPerSecond": 2.5, "burst": 3}),
            ("mail", None, {"tasksPerSecond": 1.0, "burst": 7}),
        ] == told

    async def test_is_shown_in_a_line(self, foliot: Foliot) -> None:
        """What it is on, what it says, and what runs."""
        shown = await foliot.run("limit", "set", "--max-running", "50")

        assert ["all tasks", "50", "0"] == [
            word.strip() for word in shown.stdout.splitlines()[1].split("  ") if word.strip()
        ]

    async def test_that_is_removed_is_gone(self, foliot: Foliot) -> None:
        """Removing what is not there says so, and is no failure."""
        await foliot.run("limit", "set", "-k", "bank", "--max-running", "1")
        removed = await foliot.run("limit", "remove", "-k", "bank")
        again = await foliot.run("limit", "remove", "-k", "bank")
        left = await foliot.run("limit", "list", "--output", "json")

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
            (("set", "-k", "x" * 201, "--max-running", "1"), "may have 200"),
            (("remove", "-k", "x" * 201), "may have 200"),
        ],
    )
    async def test_that_makes_no_sense_is_refused(
        self, foliot: Foliot, arguments: tuple[str, ...], expected: str
    ) -> None:
        """With the field or the option to mend."""
        refused = await foliot.run("limit", *arguments)

        assert 1 == refused.exit_code
        assert expected in refused.output

    async def test_is_nothing_for_a_viewer_to_set(self, foliot: Foliot) -> None:
        """Who may look may not hold others up."""
        refused = await foliot.run("limit", "set", "--max-running", "1", role="viewer")
        listed = await foliot.run("limit", "list", "--output", "json", role="viewer")

        assert 4 == refused.exit_code
        assert "limit.write" in refused.output
        assert [] == json.loads(listed.stdout)
