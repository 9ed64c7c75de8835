"""What commands do on a terminal, and do not where there is none."""

import asyncio
import json
import os
import re
import subprocess

from tests.api.serving import client_of
from tests.api.stories import start
from tests.cli.conftest import Foliot
from tests.cli.terminals import COMMAND, WITHIN_S, environment_of, on_a_terminal, piped

ESCAPE = "\x1b"


async def started(foliot: Foliot) -> str:
    async with client_of(foliot.serving, await foliot.serving.key()) as client:
        return (await start(client, business_key="A-1")).instance_id


async def status_of(foliot: Foliot, instance_id: str) -> str:
    got = await foliot.run("instance", "get", instance_id, "-o", "json")
    return str(json.loads(got.stdout)["status"]).removeprefix("INSTANCE_STATUS_")


class TestATerminal:
    async def test_is_asked_before_what_cannot_be_taken_back(self, approvals: Foliot) -> None:
        """No is no, and the exit code says that nothing was done."""
        instance_id = await started(approvals)
        cancel = ("instance", "cancel", instance_id, "-r", "twice")

        refused = await on_a_terminal(approvals, *cancel, typed="n\n")
        between = await status_of(approvals, instance_id)
        meant = await on_a_terminal(approvals, *cancel, typed="y\n")

        assert f"Cancel the instance {instance_id}?" in " ".join(refused.out.split())
        assert (1, "WAITING") == (refused.code, between)
        assert (0, "CANCELLED") == (meant.code, await status_of(approvals, instance_id))

    async def test_is_not_asked_what_was_answered(self, approvals: Foliot) -> None:
        """By --yes."""
        instance_id = await started(approvals)

        meant = await on_a_terminal(
            approvals, "instance", "cancel", instance_id, "-r", "twice", "--yes"
        )

        assert (0, False) == (meant.code, "?" in meant.out)

    async def test_is_told_what_takes_its_time(self, approvals: Foliot) -> None:
        """A pipe is not: nobody looks there."""
        wait = ("instance", "wait", await started(approvals), "--timeout", "PT0.5S")

        shown, silent = await on_a_terminal(approvals, *wait), await piped(approvals, *wait)

        assert (5, 5) == (shown.code, silent.code)
        assert "Waiting for the end of" in shown.out
        assert "Waiting for the end of" not in silent.err

    async def test_that_is_narrow_shows_ids_in_one_piece(self, approvals: Foliot) -> None:
        """Each row as a paragraph, in no more than the width that there is."""
        instance_id = await started(approvals)

        shown = await on_a_terminal(approvals, "instance", "list", columns=56)

        lines = _plain(shown.out).splitlines()
        assert f"instance      {instance_id}" in [line.rstrip() for line in lines]
        assert max(map(len, lines)) <= 56

    async def test_that_is_wide_shows_a_line_a_row(self, approvals: Foliot) -> None:
        """With its header."""
        instance_id = await started(approvals)

        shown = await on_a_terminal(approvals, "instance", "list", columns=160)

        _, header, row = _plain(shown.out.strip()).splitlines()[-3:]
        assert ["instance", "definition"] == header.split()[:2]
        assert row.startswith(instance_id)


class TestAPipe:
    async def test_gets_no_colours_and_no_progress(self, approvals: Foliot) -> None:
        """And a line as long as it is, whatever COLUMNS would be."""
        instance_id = await started(approvals)

        listed = await piped(approvals, "instance", "list")

        assert (0, "") == (listed.code, listed.err)
        assert ESCAPE not in listed.out
        _, row = listed.out.splitlines()
        assert row.startswith(instance_id)

    async def test_is_not_asked(self, approvals: Foliot) -> None:
        """A script means what it says."""
        instance_id = await started(approvals)

        done = await piped(approvals, "instance", "cancel", instance_id, "-r", "twice")

        assert (0, "CANCELLED") == (done.code, await status_of(approvals, instance_id))

    async def test_feeds_an_input(self, approvals: Foliot) -> None:
        """As `-` says."""
        made = await piped(
            approvals, "instance", "start", "approval", "-i", "-", given='{"amount": 3}'
        )

        assert 0 == made.code, made.err
        assert "WAITING" == await status_of(approvals, made.out.strip())

    async def test_that_nobody_reads_any_more_is_no_failure_to_talk_about(
        self, approvals: Foliot
    ) -> None:
        """`foliot … | head -1` is what people do."""
        instance_id = await started(approvals)
        reading, writing = os.pipe()
        os.close(reading)
        environment = await environment_of(approvals)

        def ran() -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                [COMMAND, "instance", "history", instance_id, "-o", "json"],
                stdout=writing,
                stderr=subprocess.PIPE,
                check=False,
                env=environment,
                timeout=WITHIN_S,
            )

        ended = await asyncio.to_thread(ran)
        os.close(writing)

        assert b"" == ended.stderr


class TestTheTabKey:
    async def test_proposes_what_the_server_has(self, approvals: Foliot) -> None:
        """Keys and ids that begin as was typed; with what they are where a shell shows it."""
        instance_id = await started(approvals)

        async def proposed(shell: str, *words: str) -> str:
            typed = {
                "_FOLIOT_COMPLETE": f"complete_{shell}",
                "COMP_WORDS": " ".join(("foliot", *words)),
                "COMP_CWORD": str(len(words)),
                "_TYPER_COMPLETE_ARGS": " ".join(("foliot", *words)),
            }
            return (await piped(approvals, **typed)).out

        assert ["approval"] == (await proposed("bash", "instance", "start", "app")).split()
        assert [instance_id] == (await proposed("bash", "instance", "get", "0")).split()
        assert "approval A-1" in await proposed("zsh", "instance", "get", "0")
        assert "" == (await proposed("bash", "instance", "start", "zzz")).strip()

    async def test_says_nothing_if_nobody_answers(self, approvals: Foliot) -> None:
        """What stands on the command line is not to be written over."""
        ended = await piped(
            approvals,
            FOLIOT_CONTROL_PLANE="127.0.0.1:1",
            _FOLIOT_COMPLETE="complete_bash",
            COMP_WORDS="foliot instance get 0",
            COMP_CWORD="3",
        )

        assert ("", "") == (ended.out.strip(), ended.err)


def _plain(text: str) -> str:
    """What a terminal shows of it."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
