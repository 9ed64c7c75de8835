"""
Check that the protos break nobody who uses those of an earlier commit.

    .venv/bin/python proto/breaking.py           against the branch main
    .venv/bin/python proto/breaking.py v0.1.0    against any other commit

`buf breaking --against '.git#…'` alone cannot do it: our protos import Google's, which no commit
holds (see generate.py). So the commit's protos are laid out in a temporary directory, with
Google's beside them, and buf compares with that.
"""

import argparse
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

# ruff: noqa: INP001 -- a script among the protos; there is no package around it

ROOT = Path(__file__).resolve().parent.parent
GOOGLE = Path("build", "proto")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, or buf's if something breaks or cannot be compared."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("commit", nargs="?", default="main", help="what to compare with")
    commit = parser.parse_args(arguments).commit
    if not (ROOT / GOOGLE).is_dir():
        sys.stderr.write(f"{GOOGLE} is missing; run `python proto/generate.py` first\n")
        return 1
    with tempfile.TemporaryDirectory() as directory:
        lay_out(commit, Path(directory))
        return subprocess.run([buf(), "breaking", "--against", directory], cwd=ROOT).returncode  # noqa: S603, PLW1510 -- the status is the answer


def lay_out(commit: str, target: Path) -> None:
    """Put the protos as they are in the commit into target, with Google's beside them."""
    archive = subprocess.run(  # noqa: S603 -- git's own arguments
        ["git", "archive", commit, "--", "buf.yaml", "proto"],  # noqa: S607 -- the user's git
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(target, filter="data")
    shutil.copytree(ROOT / GOOGLE, target / GOOGLE)


def buf() -> str:
    """The buf beside the interpreter, or else the one on the PATH."""
    beside = Path(sys.executable).with_name("buf")
    return str(beside) if beside.exists() else "buf"


if __name__ == "__main__":
    sys.exit(main())
