"""Programs that a release takes, each as a process, and environments for them."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]
WITHIN_S = 900.0

BARE = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE"),
    *("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"),
    *("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"),
)
"""What of this environment goes along: ways out of this machine, and nothing of the checkout."""


class Broken(Exception):
    """A step that the others build on has failed."""


def say(line: str) -> None:
    """Tell whoever waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run(
    command: Sequence[str | Path], where: Path | None = None, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run to the end, in a bare environment; what it said is in `stdout`."""
    bare = {name: os.environ[name] for name in BARE if name in os.environ}
    return subprocess.run(
        [str(word) for word in command],
        cwd=where or ROOT,
        env={**bare, **(more or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def done(
    command: Sequence[str | Path], where: Path | None = None, more: Mapping[str, str] | None = None
) -> str:
    """What a program said that must not fail. Raises Broken with its words."""
    ended = run(command, where, more)
    if ended.returncode:
        words = " ".join(str(word) for word in command)
        raise Broken(f"`{words}` ended with {ended.returncode}:\n{ended.stdout}")
    return ended.stdout


def environment(where: Path, python: Path, locks: Sequence[str]) -> Path:
    """Make an environment of locked versions alone; its interpreter."""
    done([python, "-m", "venv", where])
    interpreter = where / "bin" / "python"
    for lock in locks:
        installing = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes"]
        done([*installing, "--python", interpreter, "-r", ROOT / "requirements" / lock])
    return interpreter
