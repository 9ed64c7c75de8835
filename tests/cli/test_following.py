"""What follows an instance goes on after its server has gone away, and another came."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from control_plane.adapters.memory.database import MemoryDatabase
from tests.api.serving import client_of, serving_from
from tests.api.stories import activate, send, start

WITHIN_S = 60.0
LOOP = {
    "initial": "a",
    "states": {
        "a": {"on": {"GO": "b"}},
        "b": {"on": {"GO": "a", "END": "done"}},
        "done": {"type": "final"},
    },
}


class Followed:
    """The command, running as a process of its own; what it has printed so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.seqs: list[int] = []

    async def until(self, seq: int) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            while seq not in self.seqs:
                line = await self.process.stdout.readline()
                assert line, self.seqs
                self.seqs.append(int(json.loads(line)["seq"]))


@asynccontextmanager
async def following(instance_id: str, address: str, key: str) -> AsyncIterator[Followed]:
    """`foliot instance watch`, as JSON lines."""
    async with running(address, key, "instance", "watch", instance_id, "-o", "json") as process:
        yield Followed(process)


@asynccontextmanager
async def running(
    address: str, key: str, *arguments: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command that goes on until it is ended."""
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "foliot"), *arguments),
        env={**os.environ, "FOLIOT_CONTROL_PLANE": address, "FOLIOT_KEY": key},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class TestWatching:
    async def test_goes_on_where_it_was_when_the_server_comes_back(self) -> None:
        """Each entry once and in order, over a server that drained and one that took its place."""
        database, address = MemoryDatabase(), free_address()
        async with AsyncExitStack() as stack:
            async with serving_from(database, listen=address) as serving:
                key = await serving.key()
                async with client_of(serving, key) as client:
                    await activate(client, LOOP, "loop")
                    instance_id = (await start(client, "loop")).instance_id
                followed = await stack.enter_async_context(following(instance_id, address, key))
                await followed.until(2)
            serving = await stack.enter_async_context(serving_from(database, listen=address))
            client = await stack.enter_async_context(client_of(serving, key))
            await send(client, instance_id, "GO")
            await followed.until(4)
            await send(client, instance_id, "END")
            async with asyncio.timeout(WITHIN_S):
                rest, said = await followed.process.communicate()

        seqs = [*followed.seqs, *(int(json.loads(line)["seq"]) for line in rest.splitlines())]
        assert 0 == followed.process.returncode
        assert list(range(1, len(seqs) + 1)) == seqs
        assert len(seqs) >= 7
        assert "reconnecting" in said.decode()

    async def test_ends_by_ctrl_c_without_a_word(self) -> None:
        """With the exit code of what was interrupted, and no traceback."""
        async with serving_from(MemoryDatabase()) as serving:
            key = await serving.key()
            async with client_of(serving, key) as client:
                await activate(client, LOOP, "loop")
                instance_id = (await start(client, "loop")).instance_id
            async with following(instance_id, serving.address, key) as followed:
                await followed.until(2)
                followed.process.send_signal(signal.SIGINT)
                async with asyncio.timeout(WITHIN_S):
                    _, said = await followed.process.communicate()

        assert 130 == followed.process.returncode
        assert b"Traceback" not in said


class TestWatchingAnInbox:
    async def test_tells_what_is_open_and_then_what_becomes_of_it_over_another_server(self) -> None:
        """Who works by it sees a task come and go without asking again."""
        database, address = MemoryDatabase(), free_address()

        async def told(process: asyncio.subprocess.Process) -> list[str]:
            assert process.stdout is not None
            async with asyncio.timeout(WITHIN_S):
                line = json.loads(await process.stdout.readline())
            return [f"{one.get('change', 'open')} {one['task']['status']}" for one in line["tasks"]]

        async with AsyncExitStack() as stack:
            async with serving_from(database, listen=address) as serving:
                key = await serving.key()
                async with client_of(serving, key) as client:
                    await activate(client)
                    instance_id = (await start(client)).instance_id
                    await send(client, instance_id, "SUBMIT")
                    command = ("task", "watch", "-o", "json")
                    process = await stack.enter_async_context(running(address, key, *command))
                    first = await told(process)
                    # Whoever has heard of a change has a place to go on from.
                    await send(client, (await start(client)).instance_id, "SUBMIT")
                    another = await told(process)
            serving = await stack.enter_async_context(serving_from(database, listen=address))
            client = await stack.enter_async_context(client_of(serving, key))
            await send(client, instance_id, "WITHDRAW")
            then = await told(process)

        assert ["open TASK_STATUS_PENDING"] == first
        assert ["HISTORY_ENTRY_TYPE_TASK_CREATED TASK_STATUS_PENDING"] == another
        assert ["HISTORY_ENTRY_TYPE_TASK_CANCELLED TASK_STATUS_CANCELLED"] == then
