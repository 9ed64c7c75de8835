"""
Runs the commands of a page as a reader would: in a shell, in one folder, against one server.

The folder holds what the page tells the reader to write down, and a link to examples/.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from control_plane.embedded import attached
from tests.docs.pages import ROOT, Block
from tests.e2e.commands import wait_for

SCRIPTS = Path(sys.executable).parent
COMMANDS_WITHIN_S = 30.0
STOPPED_WITHIN_S = 30.0


def folder(at: Path, written: list[Block]) -> Path:
    """A reader's folder, with every file that the page has them write."""
    (at / "examples").symlink_to(ROOT / "examples")
    for block in written:
        (at / block.word).write_text(block.text, "utf-8")
    return at


def environment(**more: str) -> Mapping[str, str]:
    """What a reader's shell has: this environment's commands, and no setting of foliot's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOLIOT_")}
    return {**kept, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", **more}


def run(script: str, where: Path, *, within_s: float = COMMANDS_WITHIN_S, **more: str) -> str:
    """What the commands print; fails where one of them does, with all that was said."""
    return run_within(within_s, script, where, **more)


def run_within(within_s: float, script: str, where: Path, **more: str) -> str:
    """The same, where the variables are a dictionary's."""
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
        printed, _ = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        # All of the group: what the shell has started holds the output open as well.
        os.killpg(process.pid, signal.SIGKILL)
        printed, _ = process.communicate()
        pytest.fail(f"{script}\n\ndid not end within {within_s:g} s\n\n{printed}")
    assert process.returncode == 0, f"{script}\n\n{printed}"
    return printed


@contextmanager
def serving(command: str, where: Path) -> Iterator[None]:
    """`foliot dev`, from its announcement to its end by Ctrl-C."""
    said = where / "dev.out"
    with said.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=where,
            env=environment(FOLIOT_LISTEN=free_address()),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(lambda: attached(where / ".foliot") is not None or process.poll() is not None)
        assert process.poll() is None, f"{command}\n\n{said.read_text('utf-8')}"
        yield
    finally:
        with_children(process, signal.SIGINT)


def with_children(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Ask a process group to end, and insist if it does not."""
    if process.poll() is None:
        os.killpg(process.pid, number)
        try:
            process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOPPED_WITHIN_S)


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def needs(program: str) -> None:
    """Skip where a program is not installed, saying so."""
    if shutil.which(program, path=environment()["PATH"]) is None:
        pytest.skip(f"{program} is not installed here; the recipes with it were not run")
