"""
Runs several processes as one: started in order, kept alive, ended in the reverse order.
When one cannot be kept alive, or the supervisor itself dies, all of them end.
"""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from control_plane.embedded.child import Child, LineReader, RestartLimit
from control_plane.embedded.errors import ChildFailed
from control_plane.embedded.keeper import Keeper
from control_plane.embedded.output_log import OutputLog

RESTARTS = RestartLimit()


class Supervisor:
    """
    An async context manager; leaving it stops all children.

    Use it in the main thread, or in one that lives as long as the children should: on
    Linux the kernel ends them with the thread that started them.
    """

    def __init__(
        self, logs: Path, *, on_line: LineReader | None = None, limit: RestartLimit = RESTARTS
    ) -> None:
        self._logs = logs
        self._on_line = on_line
        self._limit = limit
        self._keepers: list[Keeper] = []
        self._stopping = asyncio.Lock()
        self._abandoning: asyncio.Task[None] | None = None
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self, child: Child) -> None:
        """
        Start one more child and wait until it is ready. Raises `ChildFailed` if it is not,
        naming the log and quoting its end; the children before it go on.
        """
        log = OutputLog(child.name, self._logs / f"{child.name}.log", self._on_line)
        keeper = Keeper(child, log, self._limit, self._give_up)
        await keeper.start()
        self._keepers.append(keeper)

    async def wait(self) -> None:
        """
        Wait for ever, it is hoped: until a child died too often, everything was stopped for
        it, and `ChildFailed` says so.
        """
        await asyncio.shield(self._failure)

    async def stop(self) -> None:
        """End all children, the last one started first. Twice is once."""
        async with self._stopping:
            while self._keepers:
                await self._keepers.pop().stop()

    def pid_of(self, name: str) -> int | None:
        """The process id of a child while it runs; another one after each restart."""
        return next((keeper.pid for keeper in self._keepers if keeper.child.name == name), None)

    def _give_up(self, failure: ChildFailed) -> None:
        if self._abandoning is None:
            self._abandoning = asyncio.create_task(self._abandon(failure))

    async def _abandon(self, failure: ChildFailed) -> None:
        await self.stop()
        self._failure.set_exception(failure)
        # Seen, even when nobody waits.
        self._failure.exception()


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """
    Let SIGINT and SIGTERM end the block as a cancellation that goes no further.

    Everything in the block is left the usual way, so that its servers are stopped; more
    signals change nothing, as every stop has a bound. Main thread only.
    """
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("ended_by_signals() is for the inside of a coroutine; await there")
    signalled = False

    def end() -> None:
        nonlocal signalled
        if not signalled:
            signalled = True
            task.cancel()

    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, end)
    try:
        yield
    except asyncio.CancelledError:
        if not signalled:
            raise
        task.uncancel()
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
