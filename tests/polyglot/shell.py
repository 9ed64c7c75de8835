"""Commands of a page, run as a reader would, with time enough for a first build."""

import os
import signal
import subprocess
from pathlib import Path

from tests.docs.shell import environment
from tests.polyglot.program import TOLD_LINES, Failed

WITHIN_S = 900.0
"""For a first build, which fetches and compiles everything, on a machine that is busy."""


def output_of(script: str, where: Path, within_s: float = WITHIN_S, **more: str) -> str:
    """What the commands print. Raises Failed, with all that was said, where one of them fails."""
    process = subprocess.Popen(
        ["bash", "-c", "set -euo pipefail\n" + script],
        cwd=where,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=within_s)
    except BaseException as error:
        # All of the group: what the shell has started goes with it.
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise Failed(_told(f"not done within {within_s:g} s", script, said)) from None
    if process.returncode != 0:
        raise Failed(_told(f"ended with status {process.returncode}", script, said))
    return said


def _told(problem: str, script: str, said: str) -> str:
    commands = [f"  $ {line}" for line in script.splitlines()]
    lines = [f"  | {line}" for line in said.splitlines()[-TOLD_LINES:]]
    return "\n".join((problem, *commands, *(lines or ["  it has said nothing"])))
