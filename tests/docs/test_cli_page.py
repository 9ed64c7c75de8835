"""docs/cli.md: its commands run as they stand; it leaves no command and no exit code out."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.cli.app import app
from control_plane.cli.failing import EXIT_CODES
from control_plane.cli.options import DEFAULT_LIMIT
from control_plane.cli.proposing import WITHIN_S
from tests.api.serving import Serving, serving_from
from tests.docs.pages import ROOT, blocks, code, page, rows, section
from tests.docs.shell import folder, run_within

PAGE = page("docs/cli.md")
BLOCKS = {f"{block.language} {block.word}": block.text for block in blocks(PAGE)}

WITHIN_S_EACH = 15.0
"""Of one command: each is a process of its own, on a machine that does other things as well."""


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """A control plane that nothing was asked of yet."""
    async with serving_from(MemoryDatabase()) as started:
        yield started


async def typed(serving: Serving, script: str, where: Path, **variables: str) -> str:
    """What a reader's shell prints, in a thread, as the server is in this one."""
    return await asyncio.to_thread(
        run_within,
        WITHIN_S_EACH * (1 + script.count("\n")),
        script,
        folder(where, []),
        XDG_CONFIG_HOME=str(where / "config"),
        **variables,
    )


async def the_key(serving: Serving) -> dict[str, str]:
    return {"FOLIOT_CONTROL_PLANE": serving.address, "FOLIOT_KEY": await serving.key()}


class TestItsCommands:
    async def test_keep_profiles(self, serving: Serving, tmp_path: Path) -> None:
        """With nothing said but by the profile."""
        printed = await typed(
            serving,
            BLOCKS["sh profiles"],
            tmp_path,
            ADDRESS=serving.address,
            KEY=await serving.key(),
        )

        assert "acme" in printed

    async def test_tell_a_story(self, serving: Serving, tmp_path: Path) -> None:
        """From the definition to the end of an instance, as a reader types it."""
        printed = await typed(
            serving, BLOCKS["sh story"], tmp_path, **await the_key(serving), COLUMNS="120"
        )

        assert re.search(r"^ *\d+ .* ■ instance completed", printed, re.MULTILINE)

    async def test_give_programs_what_they_take(self, serving: Serving, tmp_path: Path) -> None:
        """In pipes and files; and take in what programs write."""
        (tmp_path / "events.jsonl").write_text(BLOCKS["json line"])
        begin = "".join(BLOCKS["sh story"].splitlines(keepends=True)[:2])

        printed = await typed(
            serving,
            begin + BLOCKS["sh programs"] + BLOCKS["sh ingest"],
            tmp_path,
            **await the_key(serving),
        )

        assert "instances started  1" in printed
        assert "instance started" in (tmp_path / "one.jsonl").read_text().lower().replace("_", " ")

    async def test_operate(self, serving: Serving, tmp_path: Path) -> None:
        """Whatever an operator may be asked for in the night."""
        begin = BLOCKS["sh story"].partition("\n")[0] + "\n"

        printed = await typed(
            serving, begin + BLOCKS["sh operating"], tmp_path, **await the_key(serving)
        )

        assert "ordered twice" in printed

    async def test_are_refused_as_it_shows(self, serving: Serving, tmp_path: Path) -> None:
        """Word for word, but for what differs from call to call."""
        begin = "".join(BLOCKS["sh story"].splitlines(keepends=True)[:2])

        printed = await typed(
            serving,
            begin + 'foliot instance send "$instance" PAY || echo',
            tmp_path,
            **await the_key(serving),
        )

        pattern = re.escape(BLOCKS["text refused"].strip()).replace("…", r"\S.*")
        assert re.search(pattern, printed), printed


class TestItsTables:
    def test_have_every_command(self) -> None:
        """One that the page leaves out is not found."""
        groups = {
            str(group.typer_instance.info.name)
            for group in app.registered_groups
            if group.typer_instance is not None
        }
        alone = {
            (command.name or getattr(command.callback, "__name__", ""))
            for command in app.registered_commands
        }
        told = {
            one.split()[1] for cells in rows(PAGE.partition("## ")[0]) for one in code(cells[0])
        }

        assert groups | alone == told

    def test_have_every_exit_code(self) -> None:
        """A script branches on them."""
        told = {int(row[0]): row[1] for row in rows(section(PAGE, "## When it goes wrong"))}

        assert EXIT_CODES == told

    def test_have_the_numbers_that_hold(self) -> None:
        """Those in the text, too."""
        assert f"Lists give {DEFAULT_LIMIT} at most" in PAGE
        assert 1.5 == WITHIN_S
        assert "within\na second and a half" in PAGE


class TestTheReference:
    def test_is_what_the_commands_say(self) -> None:
        """Otherwise `make gen` was forgotten."""
        checked = subprocess.run(
            [
                *(sys.executable, "-m", "control_plane.cli.reference"),
                *("docs/cli-reference.md", "--check"),
            ],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )

        assert (0, "") == (checked.returncode, checked.stderr)

    def test_says_something_of_every_command(self) -> None:
        """A command nobody explains is one that nobody uses."""
        reference = page("docs/cli-reference.md")
        silent = [
            heading
            for heading, text in re.findall(
                r"^#+ (foliot .+)\n\n    foliot .+\n\n(.*)$", reference, re.MULTILINE
            )
            if not text or text.startswith("|")
        ]

        assert [] == silent
        assert 80 < len(re.findall(r"^    foliot ", reference, re.MULTILINE))
