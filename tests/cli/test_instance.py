"""`foliot instance`, against a control plane that serves."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from foliot.v1 import task_service_pb2
from typer.testing import Result

from tests.api.serving import client_of
from tests.api.stories import as_json, send, waiting_task
from tests.cli.conftest import Foliot

UNKNOWN = "01a20740-3033-7695-997a-47c04c3c6f4f"


async def started(foliot: Foliot, *more: str) -> str:
    """An instance of the approval, and its id."""
    made = await foliot.run("instance", "start", "approval", "-i", "{amount: 10}", *more)
    assert 0 == made.exit_code, made.output
    return made.stdout.strip()


async def shown(foliot: Foliot, instance_id: str) -> dict[str, object]:
    got = await foliot.run("instance", "get", instance_id, "-o", "json")
    assert 0 == got.exit_code, got.output
    found: dict[str, object] = json.loads(got.stdout)
    return found


async def completed(foliot: Foliot, instance_id: str) -> None:
    """Takes an approval to its end, beside whatever command runs."""
    async with client_of(foliot.serving, await foliot.serving.key()) as client:
        await send(client, instance_id, "SUBMIT")
        task = await waiting_task(client, instance_id)
        await client.tasks.CompleteTask(
            task_service_pb2.CompleteTaskRequest(task_id=task.task_id, output=as_json({}))
        )


class TestStarting:
    async def test_prints_the_id_for_a_script(self, approvals: Foliot) -> None:
        """And nothing else on standard output; every option reaches its field."""
        instance_id = await started(approvals, "-b", "A-1", "-l", "team=ops")

        found = await shown(approvals, instance_id)

        assert ("A-1", {"team": "ops"}, "draft", {"amount": 10}) == (
            found["businessKey"],
            found["labels"],
            found["state"],
            found["context"],
        )

    async def test_again_with_its_business_key_finds_it(self, approvals: Foliot) -> None:
        """It says so aside, and is no failure: a script may repeat itself."""
        first = await started(approvals, "-b", "A-1")

        again = await approvals.run("instance", "start", "approval", "-b", "A-1")
        as_data = await approvals.run("instance", "start", "approval", "-b", "A-1", "-o", "json")

        assert (0, first) == (again.exit_code, again.stdout.strip())
        assert "none was started" in again.stderr
        assert False is json.loads(as_data.stdout)["created"]

    @pytest.mark.parametrize("given", ["@{}", "-"])
    async def test_takes_its_input_from_a_file_and_from_standard_input(
        self, approvals: Foliot, tmp_path: Path, given: str
    ) -> None:
        """What is long is not typed; a number keeps all of its digits."""
        file = tmp_path / "input.json"
        file.write_text('{"amount": 9007199254740993}')

        made = await approvals.run(
            *("instance", "start", "approval", "-i", given.format(file)), given=file.read_bytes()
        )

        assert 0 == made.exit_code, made.output
        found = await shown(approvals, made.stdout.strip())
        assert {"amount": 9007199254740993} == found["context"]

    @pytest.mark.parametrize(
        ("arguments", "code", "says"),
        [
            (("approval", "-i", "[1]"), 1, "--input:1:1: give an object"),
            (("approval", "-i", "{a: "), 1, "--input:1:"),
            (("approval", "-i", "@/nowhere/x.json"), 1, "/nowhere/x.json: No such file"),
            (("approval", "-l", "ops"), 1, "a name and a value"),
            (("nothing",), 3, "DEFINITION_NOT_FOUND"),
            (("approval", "--on-running", "maybe"), 2, "on-running"),
            ((), 2, "DEFINITION"),
        ],
    )
    async def test_of_what_is_wrong_says_so(
        self, approvals: Foliot, arguments: tuple[str, ...], code: int, says: str
    ) -> None:
        """In a sentence, with the place, and with the exit code of its kind."""
        refused = await approvals.run("instance", "start", *arguments)

        assert (code, "") == (refused.exit_code, refused.stdout)
        assert says in refused.stderr


class TestSending:
    async def test_says_what_became_of_the_event(self, approvals: Foliot) -> None:
        """A repeat with its id changes nothing, and says that."""
        instance_id = await started(approvals)
        send = ("instance", "send", instance_id, "SUBMIT", "--event-id", "e-1")

        first = await approvals.run(*send, "-p", "{by: kim}", "-o", "json")
        again = await approvals.run(*send, "-p", "{by: kim}")

        told = json.loads(first.stdout)
        assert ("EVENT_DISPOSITION_APPLIED", "review") == (told["disposition"], told["state"])
        assert "applied, before already" in again.stdout

    async def test_what_is_not_accepted_says_what_is(self, approvals: Foliot) -> None:
        """With the reason for programs, and the id to ask for help with."""
        refused = await approvals.run("instance", "send", await started(approvals), "PAY")

        assert 1 == refused.exit_code
        assert refused.stderr.startswith("foliot: EVENT_NOT_ACCEPTED: ")
        assert "it accepts SUBMIT" in refused.stderr
        assert re.search(r"^    correlation id \S+$", refused.stderr, re.MULTILINE)

    async def test_to_a_business_key_starts_what_is_not_there(self, approvals: Foliot) -> None:
        """Once: the next one goes to the same instance."""
        signal = ("instance", "signal", "approval", "A-1")

        first = await approvals.run(*signal, "SUBMIT", "-i", "{amount: 3}")
        second = await approvals.run(*signal, "WITHDRAW")

        assert (0, 0) == (first.exit_code, second.exit_code), first.output + second.output
        assert first.stdout == second.stdout
        assert "draft" == (await shown(approvals, first.stdout.strip()))["state"]


class TestLooking:
    async def test_at_one_shows_it_with_what_is_asked_for(self, approvals: Foliot) -> None:
        """Facts, then tasks, then history; as JSON all of it is one object."""
        instance_id = await started(approvals, "-b", "A-1")
        await approvals.run("instance", "send", instance_id, "SUBMIT")

        table = await approvals.run("instance", "get", instance_id, "--tasks", "--history")
        as_data = await approvals.run("instance", "get", instance_id, "--tasks", "-o", "json")

        for part in ("A-1", "running", '"review"', "approve", "human", "∅ → draft"):
            assert part in table.stdout
        assert {"instance", "tasks"} == set(json.loads(as_data.stdout))

    async def test_for_what_there_is_not_fails(self, approvals: Foliot) -> None:
        """With the exit code of what is not there."""
        refused = await approvals.run("instance", "get", UNKNOWN)

        assert (3, "") == (refused.exit_code, refused.stdout)
        assert refused.stderr.startswith("foliot: INSTANCE_NOT_FOUND: ")

    async def test_at_all_takes_filters_and_limits(self, approvals: Foliot) -> None:
        """The newest first, and a word aside where there are more."""
        ids = [await started(approvals, "-b", f"A-{number}") for number in range(3)]
        await approvals.run("instance", "send", ids[0], "SUBMIT")

        async def listed(*options: str) -> list[str]:
            found = await approvals.run("instance", "list", *options, "-o", "json")
            return [one["instanceId"] for one in json.loads(found.stdout)]

        two = await approvals.run("instance", "list", "--limit", "2")

        assert ids[::-1] == await listed()
        assert ids[::-1] == await listed("--all")
        assert ids[:0:-1] == await listed("-n", "2")
        assert [ids[1]] == await listed("-b", "A-1")
        assert [] == await listed("-s", "failed")
        assert [ids[1]] == await listed("-d", "approval", "-f", 'business_key = "A-1"')
        assert "the first 2; more with --limit, every one with --all" in two.stderr

    async def test_counts_them(self, approvals: Foliot) -> None:
        """Bare, for a script."""
        await started(approvals)
        await started(approvals)

        assert "2\n" == (await approvals.run("instance", "count", "-d", "approval")).stdout

    async def test_with_a_filter_that_is_none_says_what_is(self, approvals: Foliot) -> None:
        """The server's words, and its field."""
        refused = await approvals.run("instance", "list", "-f", "colour = red")

        assert 1 == refused.exit_code
        assert refused.stderr.startswith("foliot: FILTER_INVALID: ")


class TestAlone:
    """What a table is on a narrow terminal."""

    async def test_keeps_ids_whole(self, approvals: Foliot) -> None:
        """An id in two pieces cannot be copied; so each row stands as a paragraph there."""
        instance_id = await started(approvals, "-b", "A-1")

        narrow = await approvals.run("instance", "list", environment={"COLUMNS": "60"})

        assert instance_id in narrow.stdout
        assert max(len(line.rstrip()) for line in narrow.stdout.splitlines()) <= 60
        assert "business key" in narrow.stdout

    async def test_shows_what_would_steer_the_terminal(self, approvals: Foliot) -> None:
        """A business key of somebody's may hold an escape sequence."""
        await started(approvals, "-b", "A\x1b[2J1")

        listed = await approvals.run("instance", "list")

        assert "\x1b[2J" not in listed.stdout
        assert "A\\x1b[2J1" in listed.stdout


class TestWaiting:
    async def test_ends_with_the_instance(self, approvals: Foliot) -> None:
        """Well if it has completed, and else with 1."""
        done, cancelled = await started(approvals), await started(approvals)
        await completed(approvals, done)
        await approvals.run("instance", "cancel", cancelled, "-r", "twice")

        well = await approvals.run("instance", "wait", done, "-o", "json")
        badly = await approvals.run("instance", "wait", cancelled)

        assert (0, "INSTANCE_STATUS_COMPLETED") == (
            well.exit_code,
            json.loads(well.stdout)["status"],
        )
        assert 1 == badly.exit_code
        assert "cancelled" in badly.stdout

    async def test_is_over_in_time(self, approvals: Foliot) -> None:
        """With the exit code of what may be tried again."""
        instance_id = await started(approvals)

        over = await approvals.run("instance", "wait", instance_id, "--timeout", "PT0.1S")

        assert (5, "") == (over.exit_code, over.stdout)
        assert f"foliot instance explain {instance_id}" in over.stderr


class TestWatching:
    async def test_tells_a_line_an_entry_to_the_end(self, approvals: Foliot) -> None:
        """What was, and what comes; as JSON lines for a program."""
        instance_id = await started(approvals)
        watching = asyncio.create_task(approvals.run("instance", "watch", instance_id))
        await completed(approvals, instance_id)

        watched: Result = await watching
        lines = await approvals.run("instance", "watch", instance_id, "-o", "json", "--after", "2")

        told = watched.stdout.splitlines()
        assert (0, 0) == (watched.exit_code, lines.exit_code)
        assert "instance started" in told[0]
        assert "instance completed" in told[-1]
        entries = [json.loads(line) for line in lines.stdout.splitlines()]
        assert [str(seq) for seq in range(3, len(told) + 1)] == [one["seq"] for one in entries]

    async def test_of_what_there_is_not_fails(self, approvals: Foliot) -> None:
        """At once, and not by trying again."""
        assert 3 == (await approvals.run("instance", "watch", UNKNOWN)).exit_code


class TestRecounting:
    async def test_lists_what_happened(self, approvals: Foliot) -> None:
        """By its filter, and from either end."""
        instance_id = await started(approvals)
        await completed(approvals, instance_id)

        async def types(*options: str) -> list[str]:
            found = await approvals.run("instance", "history", instance_id, *options, "-o", "json")
            return [
                one["type"].removeprefix("HISTORY_ENTRY_TYPE_") for one in json.loads(found.stdout)
            ]

        assert "INSTANCE_STARTED" == (await types())[0]
        assert ["INSTANCE_COMPLETED"] == await types("--newest", "-n", "1")
        assert ["TASK_CREATED"] == await types("-f", "type = TASK_CREATED")
        assert "approve (HUMAN)" in (await approvals.run("instance", "history", instance_id)).stdout

    async def test_exports_all_of_it(self, approvals: Foliot, tmp_path: Path) -> None:
        """The instance, then every entry with its hash; the same to a file."""
        instance_id = await started(approvals)
        file = tmp_path / "one.jsonl"

        printed = await approvals.run("instance", "export", instance_id)
        written = await approvals.run("instance", "export", instance_id, "--to", str(file))

        first, *entries = map(json.loads, printed.stdout.splitlines())
        assert (0, "", printed.stdout) == (written.exit_code, written.stdout, file.read_text())
        assert instance_id == first["instanceId"]
        assert all(one["hash"] for one in entries)
        assert [str(seq) for seq in range(1, len(entries) + 1)] == [one["seq"] for one in entries]

    async def test_leaves_no_half_a_file(self, approvals: Foliot, tmp_path: Path) -> None:
        """Whoever finds the file finds all of it."""
        file = tmp_path / "one.jsonl"

        refused = await approvals.run("instance", "export", UNKNOWN, "--to", str(file))

        assert (3, False, False) == (
            refused.exit_code,
            file.exists(),
            file.with_name(".one.jsonl.part").exists(),
        )


class TestExplaining:
    async def test_says_what_it_waits_for(self, approvals: Foliot) -> None:
        """In a paragraph, and piece by piece."""
        instance_id = await started(approvals)
        await approvals.run("instance", "send", instance_id, "SUBMIT")

        told = await approvals.run("instance", "explain", instance_id)
        as_data = await approvals.run("instance", "explain", instance_id, "-o", "json")

        for part in ("waits for", "approve", "human", "could do", "WITHDRAW", "can be taken"):
            assert part in told.stdout
        assert ["WITHDRAW"] == json.loads(as_data.stdout)["acceptedEventTypes"]

    async def test_previews_an_event_and_does_none_of_it(self, approvals: Foliot) -> None:
        """Also one that would be refused."""
        instance_id = await started(approvals)

        told = await approvals.run("instance", "preview", instance_id, "SUBMIT")
        refused = await approvals.run("instance", "preview", instance_id, "PAY")

        assert "draft → review" in told.stdout
        assert "draft" == (await shown(approvals, instance_id))["state"]
        assert (0, True) == (refused.exit_code, "rejected" in refused.stdout)


class TestOperating:
    async def test_pauses_resumes_cancels_and_terminates(self, approvals: Foliot) -> None:
        """Each shows how the instance stands then, and why is in its history."""
        one, other = await started(approvals), await started(approvals)

        paused = await approvals.run("instance", "pause", one, "-r", "lunch")
        resumed = await approvals.run("instance", "resume", one, "-r", "fed", "--shift-timers")
        cancelled = await approvals.run(
            "instance", "cancel", one, "--reason", "twice", "-o", "json"
        )
        ended = await approvals.run("instance", "terminate", other, "-r", "now", "-y", "-o", "json")
        told = await approvals.run("instance", "history", one, "-o", "json")

        assert "paused" in paused.stdout
        assert "paused" not in resumed.stdout
        assert ["INSTANCE_STATUS_CANCELLED"] * 2 == [
            json.loads(done.stdout)["status"] for done in (cancelled, ended)
        ]
        for reason in ("lunch", "fed", "twice"):
            assert reason in told.stdout

    async def test_puts_labels_on_and_takes_them_off(self, approvals: Foliot) -> None:
        """The others stay; with nothing to do it says what to give."""
        instance_id = await started(approvals, "-l", "team=ops", "-l", "draft=1")

        changed = await approvals.run(
            *("instance", "labels", instance_id, "--set", "region=eu", "--remove", "draft"),
            *("-o", "json"),
        )
        nothing = await approvals.run("instance", "labels", instance_id)

        assert {"team": "ops", "region": "eu"} == json.loads(changed.stdout)["labels"]
        assert (1, True) == (nothing.exit_code, "--set" in nothing.stderr)

    async def test_takes_a_reason(self, approvals: Foliot) -> None:
        """Whoever reads the history wants to know why."""
        refused = await approvals.run("instance", "cancel", UNKNOWN)

        assert 2 == refused.exit_code
        assert "--reason" in refused.stderr

    async def test_retries_only_what_has_failed(self, approvals: Foliot) -> None:
        """The server's own words say which state it is in."""
        instance_id = await started(approvals)
        await completed(approvals, instance_id)

        refused = await approvals.run("instance", "retry", instance_id, "-r", "again")

        assert 1 == refused.exit_code
        assert refused.stderr.startswith("foliot: INSTANCE_NOT_FAILED: ")

    async def test_is_nothing_for_a_viewer(self, approvals: Foliot) -> None:
        """With the exit code of who is not let."""
        instance_id = await started(approvals)

        refused = await approvals.run("instance", "pause", instance_id, "-r", "x", role="viewer")

        assert 4 == refused.exit_code
        assert "instance.operate" in refused.stderr
