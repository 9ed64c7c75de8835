"""`foliot doctor`, by a control plane that serves (by a database itself: tests/faults)."""

import json

import pytest

from tests.cli.conftest import Foliot


class TestTheDoctor:
    async def test_says_that_all_is_good(self, foliot: Foliot) -> None:
        """By the server, which needs no database of the caller's."""
        await foliot.serving.key()
        shown = await foliot.run("doctor", role="platform_admin")

        assert 0 == shown.exit_code, shown.output
        assert "All good: 0 instances of 1 tenants" in shown.stdout
        assert ["✓ partitions", "✓ executors"] == shown.stdout.splitlines()[:2]

    async def test_tells_programs_what_each_check_came_to(self, foliot: Foliot) -> None:
        """One JSON object on standard output, and nothing else there."""
        await foliot.serving.key()
        told = await foliot.run("doctor", "-o", "json", role="platform_admin")

        report = json.loads(told.stdout)
        assert [("partitions", "good"), ("executors", "good"), ("tenant acme", "good")] == [
            (one["name"], one["verdict"]) for one in report["checks"]
        ]
        assert (["acme"], [], True) == (report["tenants"], report["findings"], report["finished"])

    @pytest.mark.parametrize(
        ("arguments", "role", "code", "expected"),
        [
            ((), "tenant_admin", 4, "doctor.run"),
            (("--tenant", "nobody"), "platform_admin", 3, "nobody"),
            (("--patience", "-1"), "platform_admin", 1, "overdue_after"),
            (("--within", "0"), "platform_admin", 2, "--within"),
        ],
    )
    async def test_that_cannot_be_run_says_why(
        self, foliot: Foliot, arguments: tuple[str, ...], role: str, code: int, expected: str
    ) -> None:
        """With an exit code of its own, so that nobody takes it for a finding."""
        refused = await foliot.run("doctor", *arguments, role=role)

        assert code == refused.exit_code
        assert expected in refused.output
