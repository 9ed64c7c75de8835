"""docs/watching.md: its programs run, resume and prove what they say they do."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from foliot.v1 import event_service_pb2, instance_service_pb2

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.api.admission import MAX_WATCHES_PER_CALLER
from control_plane.api.event_filters import FEED, TASKS
from control_plane.settings import ControlPlaneSettings
from tests.api.serving import WITHIN_S, Client, Serving, client_of, serving_from
from tests.api.stories import activate, send, start
from tests.docs.pages import blocks, code, page, rows, section

PAGE = page("docs/watching.md")
PROGRAMS = {block.word: block.text for block in blocks(PAGE) if block.language == "python"}


class Program:
    """One of the page's, running, and what it has printed so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []

    async def until(self, count: int) -> list[str]:
        assert self._process.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            while len(self.lines) < count:
                line = await self._process.stdout.readline()
                assert line, self.lines
                self.lines.append(line.decode().strip())
        return self.lines


@asynccontextmanager
async def running(name: str, where: Path, **environment: str) -> AsyncIterator[Program]:
    """The program as a reader writes it down and starts it."""
    (where / name).write_text(PROGRAMS[name], "utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        name,
        cwd=where,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def submitted(client: Client, business_key: str) -> str:
    """An instance that waits for a person; its id."""
    instance = await start(client, business_key=business_key)
    await send(client, instance.instance_id, "SUBMIT")
    return instance.instance_id


class TestFollow:
    async def test_goes_on_where_it_was_stopped(self, tmp_path: Path) -> None:
        """Killed at any moment, it repeats what it had not finished, and leaves nothing out."""
        async with serving_from(MemoryDatabase()) as serving:
            access = {"ADDRESS": serving.address, "KEY": await serving.key("viewer")}
            async with client_of(serving, await serving.key()) as client:
                await activate(client)
                beginning = await _oldest(client)
                first = await submitted(client, "o-1")
                async with running("follow.py", tmp_path, **access) as program:
                    before = await program.until(1)
                    await _until_kept(tmp_path / "position", after=beginning)
                await client.instances.CancelInstance(
                    instance_service_pb2.CancelInstanceRequest(instance_id=first, reason="enough")
                )
                await submitted(client, "o-2")
                async with running("follow.py", tmp_path, **access) as program:
                    after = await program.until(2)

        assert ["o-1", "HISTORY_ENTRY_TYPE_TASK_CREATED"] == before[0].split()[::2]
        assert ["o-1", "o-2"] == [line.split()[0] for line in after]
        assert ["INSTANCE_CANCELLED", "TASK_CREATED"] == [
            line.split()[2].removeprefix("HISTORY_ENTRY_TYPE_") for line in after
        ]

    async def test_begins_anew_where_its_position_is_no_more(self, tmp_path: Path) -> None:
        """It is told so, and does not wait for ever."""
        async with serving_from(MemoryDatabase()) as serving:
            access = {"ADDRESS": serving.address, "KEY": await serving.key("viewer")}
            async with client_of(serving, await serving.key()) as client:
                await activate(client)
                await submitted(client, "o-1")
                (tmp_path / "position").write_text(await _oldest(client))
                await _forget(serving)
                await submitted(client, "o-2")
                async with running("follow.py", tmp_path, **access) as program:
                    lines = await program.until(2)

        assert "reconnecting: OUT_OF_RANGE" == lines[0]
        assert lines[1].startswith("o-2 ")


class TestVerify:
    async def test_ends_at_the_hash_that_the_server_tells(self, tmp_path: Path) -> None:
        """By SHA-256 alone."""
        async with serving_from(MemoryDatabase()) as serving:
            async with client_of(serving, await serving.key()) as client:
                await activate(client)
                instance_id = await submitted(client, "o-1")
                verified = await client.events.VerifyHistory(
                    event_service_pb2.VerifyHistoryRequest(instance_id=instance_id)
                )
            async with running(
                "verify.py",
                tmp_path,
                ADDRESS=serving.address,
                KEY=await serving.key("viewer"),
                INSTANCE=instance_id,
            ) as program:
                lines = await program.until(1)

        assert [verified.last_hash.hex()] == lines


class TestThePage:
    def test_names_every_field_of_the_filters(self) -> None:
        """A field that is not told is not used."""
        feed = code(section(PAGE, "## Following a tenant"))
        inbox = code(section(PAGE, "## An inbox"))

        assert {name.replace("*", "<name>") for name in FEED} <= set(feed)
        assert set(TASKS) <= set(inbox)

    def test_names_every_stream(self) -> None:
        """With what it is of."""
        service = event_service_pb2.DESCRIPTOR.services_by_name["EventService"]
        streams = {method.name for method in service.methods if method.server_streaming}

        table = PAGE[: PAGE.index("## ")]
        assert streams == {cells[0] for cells in rows(table)}

    def test_says_what_is_so(self) -> None:
        """Its numbers are the code's."""
        days = ControlPlaneSettings().feed_days

        assert f"`FOLIOT_FEED_DAYS`, {days:g} by default" in PAGE
        assert f"{MAX_WATCHES_PER_CALLER} streams" in PAGE


async def _until_kept(position: Path, *, after: str) -> None:
    """Until what was told is behind the position that was written down."""
    async with asyncio.timeout(WITHIN_S):
        while not position.exists() or position.read_text() in {"", after}:  # noqa: ASYNC110, ASYNC240 - bounded; a file of a few bytes
            await asyncio.sleep(0.01)


async def _oldest(client: Client) -> str:
    stream = client.events.WatchEvents(event_service_pb2.WatchEventsRequest(from_oldest=True))
    message = await anext(aiter(stream))
    stream.cancel()
    return message.position


async def _forget(serving: Serving) -> None:
    """Let a month go by, and the feed be tidied."""
    serving.database.move_clock(timedelta(days=30))
    await serving.feed.prune(timedelta(days=7), 100)
