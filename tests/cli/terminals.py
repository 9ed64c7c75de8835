"""The command as a process of its own: on a terminal, or in a pipe."""

import asyncio
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cli.conftest import Foliot

COMMAND = str(Path(sys.executable).parent / "foliot")
WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a process. On a terminal, all that was shown is in `out`."""

    code: int
    out: str
    err: str = ""


async def environment_of(foliot: Foliot, **more: str) -> dict[str, str]:
    """A shell's, with nothing of foliot's but the server and the key."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOLIOT_")}
    kept.pop("COLUMNS", None)
    return {
        **kept,
        "FOLIOT_CONTROL_PLANE": foliot.serving.address,
        "FOLIOT_KEY": await foliot.serving.key(),
        "XDG_CONFIG_HOME": str(foliot.config),
        "TERM": "xterm-256color",
        **more,
    }


async def piped(foliot: Foliot, *arguments: str, given: str = "", **more: str) -> Ended:
    """With a pipe at each end."""
    return await asyncio.to_thread(_piped, arguments, given, await environment_of(foliot, **more))


async def on_a_terminal(
    foliot: Foliot, *arguments: str, typed: str = "", columns: int = 80
) -> Ended:
    """With a terminal of a width, at which `typed` is typed."""
    return await asyncio.to_thread(
        _on_a_terminal, arguments, typed, columns, await environment_of(foliot)
    )


def _piped(arguments: tuple[str, ...], given: str, environment: Mapping[str, str]) -> Ended:
    ran = subprocess.run(
        [COMMAND, *arguments],
        input=given,
        capture_output=True,
        check=False,
        text=True,
        env=environment,
        timeout=WITHIN_S,
    )
    return Ended(ran.returncode, ran.stdout, ran.stderr)


def _on_a_terminal(
    arguments: tuple[str, ...], typed: str, columns: int, environment: Mapping[str, str]
) -> Ended:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with subprocess.Popen(
        [COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        os.write(ours, typed.encode())
        shown = bytearray()
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:
            # How Linux says that nobody has the other end any more.
            pass
        finally:
            os.close(ours)
        code = process.wait(WITHIN_S)
    return Ended(code, shown.decode().replace("\r\n", "\n"))
