"""`foliot schedule`, against a control plane that serves."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from control_plane.cli.app import app
from tests.api.serving import client_of
from tests.api.stories import activate
from tests.cli.conftest import Foliot

WAITING = {
    "initial": "open",
    "states": {"open": {"on": {"END": "closed"}}, "closed": {"type": "final"}},
}


@pytest.fixture(autouse=True)
async def report(foliot: Foliot) -> None:
    """An active definition of that name."""
    async with client_of(foliot.serving, await foliot.serving.key()) as client:
        await activate(client, WAITING, "report")


async def nightly(foliot: Foliot, *more: str) -> Result:
    return await foliot.run(
        "schedule", "create", "nightly", "--cron", "30 2 * * *", "-d", "report", *more
    )


class TestCreating:
    async def test_keeps_what_was_said(self, foliot: Foliot) -> None:
        """Every option reaches its field; lengths are ISO 8601, the input is YAML or JSON."""
        made = await nightly(
            foliot,
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
            "input": {"of": "sales"},
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
        self, foliot: Foliot, option: str, value: str, says: str
    ) -> None:
        """In a sentence, and with a status that a script can use."""
        refused = await nightly(foliot, option, value)

        assert 1 == refused.exit_code
        assert says in refused.stderr

    async def test_without_the_permission_is_refused(self, foliot: Foliot) -> None:
        """Also from the command line."""
        refused = await foliot.run(
            "schedule", "create", "n", "--cron", "@daily", "-d", "report", role="viewer"
        )

        assert 4 == refused.exit_code
        assert "PERMISSION_DENIED" in refused.stderr


class TestLooking:
    async def test_at_all_shows_one_a_line(self, foliot: Foliot) -> None:
        """When it is next, as the clock of its zone shows it; or that it rests."""
        await nightly(foliot, "-z", "Europe/Berlin")
        await foliot.run(
            "schedule", "create", "idle", "--cron", "@daily", "-d", "report", "--paused"
        )

        table = await foliot.run("schedule", "list")
        as_json = await foliot.run("schedule", "list", "--output", "json", "-d", "report")
        none = await foliot.run("schedule", "list", "--output", "json", "-d", "bill")

        _, idle, night = table.stdout.splitlines()
        assert idle.split()[0] == "idle"
        assert "paused" in idle
        assert "Europe/Berlin" in night
        assert " 02:30:00+0" in night
        assert ["idle", "nightly"] == [one["scheduleId"] for one in json.loads(as_json.stdout)]
        assert [] == json.loads(none.stdout)

    async def test_at_one_shows_what_there_is_to_know(self, foliot: Foliot) -> None:
        """And leaves out what is not."""
        await nightly(foliot, "-l", "team=ops")
        started = (await foliot.run("schedule", "trigger", "nightly")).stdout.strip()

        shown = await foliot.run("schedule", "get", "nightly")

        assert 0 == shown.exit_code
        for part in ("30 2 * * *  (UTC)", "team=ops", started, "1 started, 0 skipped, 0 failed"):
            assert part in shown.stdout
        assert "failure" not in shown.stdout

    async def test_for_what_there_is_not_fails(self, foliot: Foliot) -> None:
        """With the reason."""
        refused = await foliot.run("schedule", "get", "nightly")

        assert (3, True) == (refused.exit_code, "NOT_FOUND" in refused.stderr)


class TestUpdating:
    async def test_changes_what_is_given_and_leaves_the_rest(self, foliot: Foliot) -> None:
        """An update over the wire is of the whole spec; nobody wants to type all of it again."""
        await nightly(foliot, "-z", "Europe/Berlin", "-i", "{of: sales}", "-l", "team=ops")

        changed = await foliot.run(
            *("schedule", "update", "nightly", "--cron", "0 4 * * *", "--jitter", "PT1M"),
            *("-i", "{by: day}", "-o", "json"),
        )
        cleared = await foliot.run(
            *("schedule", "update", "nightly", "--description", "", "-l", "a=b", "-o", "json")
        )

        assert (0, 0) == (changed.exit_code, cleared.exit_code), changed.output + cleared.output
        spec = json.loads(changed.stdout)["spec"]
        assert ("0 4 * * *", "Europe/Berlin", "60s", {"by": "day"}, {"team": "ops"}) == (
            spec["cron"],
            spec["timeZone"],
            spec["jitter"],
            spec["input"],
            spec["labels"],
        )
        assert {"a": "b"} == json.loads(cleared.stdout)["spec"]["labels"]

    async def test_of_what_there_is_not_fails(self, foliot: Foliot) -> None:
        """It makes none."""
        refused = await foliot.run("schedule", "update", "nightly", "--cron", "@daily")

        assert 3 == refused.exit_code
        assert "SCHEDULE_NOT_FOUND" in refused.stderr


class TestOperating:
    async def test_pauses_resumes_and_deletes(self, foliot: Foliot) -> None:
        """Each shows how the schedule stands then."""
        await nightly(foliot)

        paused = await foliot.run("schedule", "pause", "nightly", "--reason", "holidays")
        resumed = await foliot.run("schedule", "resume", "nightly", "--output", "json")
        deleted = await foliot.run("schedule", "delete", "nightly")

        assert "paused: holidays" in paused.stdout
        assert "nextFireTime" in json.loads(resumed.stdout)
        assert (0, "") == (deleted.exit_code, deleted.stdout)
        assert [] == json.loads((await foliot.run("schedule", "list", "--output", "json")).stdout)

    async def test_triggers_and_prints_the_instance(self, foliot: Foliot) -> None:
        """Bare for a script, whole as JSON; beside one that runs only if told so."""
        await nightly(foliot)

        first = await foliot.run("schedule", "trigger", "nightly")
        refused = await foliot.run("schedule", "trigger", "nightly")
        beside = await foliot.run(
            "schedule", "trigger", "nightly", "--allow-overlap", "--output", "json"
        )

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
