"""`foliot schedule`, against a control plane that serves."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.cli.app import app
from tests.api.serving import Serving, client_of, serving_from
from tests.api.stories import activate

WAITING = {
    "initial": "open",
    "states": {"open": {"on": {"END": "closed"}}, "closed": {"type": "final"}},
}


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """A control plane with an active definition `report`."""
    async with serving_from(MemoryDatabase()) as started:
        async with client_of(started, await started.key()) as client:
            await activate(client, WAITING, "report")
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
        ["schedule", *arguments],
    )


async def nightly(serving: Serving, *more: str) -> Result:
    return await foliot(serving, "create", "nightly", "--cron", "30 2 * * *", "-d", "report", *more)


class TestCreating:
    async def test_keeps_what_was_said(self, serving: Serving) -> None:
        """Every option reaches its field; lengths are ISO 8601, the input is YAML or JSON."""
        made = await nightly(
            serving,
            *("-z", "Europe/Berlin", "-i", "{of: sales}", "-l", "team=ops", "-l", "a=b=c"),
            *("--overlap", "buffer_one", "--catch-up", "PT6H", "--jitter", "PT1M30S"),
            *("--description", "Every night", "--paused", "--output", "json"),
        )

        assert 0 == made.exit_code, made.output
        told = json.loads(made.stdout)
        assert {
            "cron": "30 2 * * *",
            "timeZone": "Europe/Berlin",
            "definitionKey": "report",
            "input": {"json": '{"of":"sales"}'},
            "labels": {"team": "ops", "a": "b=c"},
            "overlapPolicy": "OVERLAP_POLICY_BUFFER_ONE",
            "catchUpWindow": "21600s",
            "jitter": "90s",
            "description": "Every night",
        } == told["spec"]
        assert (True, "nightly") == (told["paused"], told["scheduleId"])

    @pytest.mark.parametrize(
        ("option", "value", "says"),
        [
            ("--cron", "0 0 30 2 *", "day-of-month"),
            ("--time-zone", "Mars/Olympus", "IANA"),
            ("--definition", "nothing", "no active version"),
            ("--input", "[1]", "give an object"),
            ("--label", "ops", "a name and a value"),
            ("--catch-up", "soon", "PT6H"),
            ("--catch-up", "P1M", "PT6H"),
            ("--jitter", "P2D", "may be from"),
        ],
    )
    async def test_of_what_is_wrong_says_so(
        self, serving: Serving, option: str, value: str, says: str
    ) -> None:
        """In a sentence, and with a status that a script can use."""
        refused = await nightly(serving, option, value)

        assert 1 == refused.exit_code
        assert says in refused.stderr

    async def test_without_the_permission_is_refused(self, serving: Serving) -> None:
        """Also from the command line."""
        refused = await foliot(
            serving, "create", "n", "--cron", "@daily", "-d", "report", role="viewer"
        )

        assert 1 == refused.exit_code
        assert "PERMISSION_DENIED" in refused.stderr


class TestLooking:
    async def test_at_all_shows_one_a_line(self, serving: Serving) -> None:
        """When it is next, as the clock of its zone shows it; or that it rests."""
        await nightly(serving, "-z", "Europe/Berlin")
        await foliot(serving, "create", "idle", "--cron", "@daily", "-d", "report", "--paused")

        table = await foliot(serving, "list")
        as_json = await foliot(serving, "list", "--output", "json", "-d", "report")
        none = await foliot(serving, "list", "--output", "json", "-d", "bill")

        _, idle, night = table.stdout.splitlines()
        assert idle.split()[0] == "idle"
        assert "paused" in idle
        assert "Europe/Berlin" in night
        assert " 02:30:00+0" in night
        assert ["idle", "nightly"] == [one["scheduleId"] for one in json.loads(as_json.stdout)]
        assert [] == json.loads(none.stdout)

    async def test_at_one_shows_what_there_is_to_know(self, serving: Serving) -> None:
        """And leaves out what is not."""
        await nightly(serving, "-l", "team=ops")
        started = (await foliot(serving, "trigger", "nightly")).stdout.strip()

        shown = await foliot(serving, "get", "nightly")

        assert 0 == shown.exit_code
        for part in ("30 2 * * *  (UTC)", "team=ops", started, "1 started, 0 skipped, 0 failed"):
            assert part in shown.stdout
        assert "failure" not in shown.stdout

    async def test_for_what_there_is_not_fails(self, serving: Serving) -> None:
        """With the reason."""
        refused = await foliot(serving, "get", "nightly")

        assert (1, True) == (refused.exit_code, "NOT_FOUND" in refused.stderr)


class TestOperating:
    async def test_pauses_resumes_and_deletes(self, serving: Serving) -> None:
        """Each shows how the schedule stands then."""
        await nightly(serving)

        paused = await foliot(serving, "pause", "nightly", "--reason", "holidays")
        resumed = await foliot(serving, "resume", "nightly", "--output", "json")
        deleted = await foliot(serving, "delete", "nightly")

        assert "paused: holidays" in paused.stdout
        assert "nextFireTime" in json.loads(resumed.stdout)
        assert (0, "") == (deleted.exit_code, deleted.stdout)
        assert [] == json.loads((await foliot(serving, "list", "--output", "json")).stdout)

    async def test_triggers_and_prints_the_instance(self, serving: Serving) -> None:
        """Bare for a script, whole as JSON; beside one that runs only if told so."""
        await nightly(serving)

        first = await foliot(serving, "trigger", "nightly")
        refused = await foliot(serving, "trigger", "nightly")
        beside = await foliot(serving, "trigger", "nightly", "--allow-overlap", "--output", "json")

        assert first.stdout.strip() in refused.stderr
        assert 1 == refused.exit_code
        assert "nightly" == json.loads(beside.stdout)["scheduleId"]


class TestPreviewing:
    def test_needs_no_server(self) -> None:
        """The reckoning is the control plane's own."""
        told = CliRunner().invoke(
            app,
            [
                *("schedule", "preview", "30 2 * * *", "-z", "Europe/Berlin", "-n", "2"),
                *("--after", "2026-03-28T12:00:00", "--output", "json"),
            ],
        )

        assert [
            {"fireTime": "2026-03-29T01:00:00Z", "local": "2026-03-29T03:00:00+02:00"},
            {"fireTime": "2026-03-30T00:30:00Z", "local": "2026-03-30T02:30:00+02:00"},
        ] == json.loads(told.stdout)

    def test_begins_now(self) -> None:
        """Unless it is told when."""
        before = datetime.now(UTC)
        told = CliRunner().invoke(
            app, ["schedule", "preview", "* * * * *", "-n", "1", "--output", "json"]
        )

        (first,) = json.loads(told.stdout)
        assert 0 < (datetime.fromisoformat(first["local"]) - before).total_seconds() <= 61

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["0 0 31 2 *"], "day-of-month"),
            (["@daily", "-z", "Mars"], "--time-zone"),
            (["@daily", "--after", "noon"], "--after"),
        ],
    )
    def test_of_what_is_wrong_says_so(self, arguments: list[str], says: str) -> None:
        """In a sentence."""
        refused = CliRunner().invoke(app, ["schedule", "preview", *arguments])

        assert (1, True) == (refused.exit_code, says in refused.stderr)


class TestACommandThatIsNotToldWhereTo:
    def test_says_how_to_tell(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """No server runs in this directory, and no key was given."""
        monkeypatch.delenv("FOLIOT_KEY", raising=False)
        refused = CliRunner().invoke(app, ["schedule", "list", "--data-dir", str(tmp_path)])

        assert 1 == refused.exit_code
        assert "--key" in refused.stderr
        assert "foliot dev" in refused.stderr
