"""
Waits for what an earlier run left to go away, and helps it along.

A postmaster that was killed leaves backends, which notice within milliseconds, unless
they are busy computing. They bear the cluster's name in their titles, and so does the
postmaster in its arguments; that is how they are told from anybody else's.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from control_plane.embedded.errors import EmbeddedError

# How long they may take by themselves, and after SIGKILL.
PATIENCE_S = 1.0
KILLED_WITHIN_S = 10.0
LOOK_EVERY_S = 0.02


async def clear_remnants(mark: str, uid: int) -> None:
    """
    Return when no process of the uid bears the mark any more. Those that stay beyond their
    time are killed, which is safe: their supervisor is gone, as we hold its lock.
    """
    began = time.monotonic()
    while remnants := processes_with(mark, uid):
        waited = time.monotonic() - began
        if waited > KILLED_WITHIN_S:
            raise EmbeddedError(
                f"PostgreSQL of an earlier run does not end, even killed: process ids "
                f"{', '.join(map(str, remnants))}. See what they wait for (a dead disk?)."
            )
        if waited > PATIENCE_S:
            for pid in remnants:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(LOOK_EVERY_S)


def processes_with(mark: str, uid: int) -> list[int]:
    """The live processes of the uid with the mark in their command line or title."""
    return [
        pid for pid, owner, title in _processes() if owner == uid and mark in title.decode("latin1")
    ]


def _processes() -> Iterator[tuple[int, int, bytes]]:
    """Process id, effective uid and command line of everything that is not a zombie."""
    if sys.platform != "linux":
        yield from _listed_by_ps()
        return
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        # A process may end between any two lines of this.
        with contextlib.suppress(OSError):
            title = (entry / "cmdline").read_bytes()
            # The owner of /proc/<pid> is root for some; the status tells the truth.
            status = (entry / "status").read_text("utf-8", "replace")
            owner = status.split("\nUid:\t", 1)[1].split("\t", 2)[1]
            yield int(entry.name), int(owner), title


def _listed_by_ps() -> Iterator[tuple[int, int, bytes]]:
    listed = subprocess.run(
        ["/bin/ps", "-axwwo", "pid=,uid=,command="], capture_output=True, check=True
    ).stdout
    for line in listed.splitlines():
        pid, owner, title = line.split(None, 2)
        yield int(pid), int(owner), title
