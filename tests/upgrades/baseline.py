"""
The release before, as tests have it: the commit that `tests/upgrades/baseline` names, laid out as
a tree of its own to run from.

`python -m tests.upgrades.baseline <commit>` writes the file anew: after a release with its tag,
and before the first one whenever an older migration was edited.
"""

import hashlib
import io
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = ROOT / "tests" / "upgrades" / "baseline"
PACKAGES = ("control_plane", "executor", "shared", "migrations", "proto/gen", "pyproject.toml")
RELEASED = "\n## ["


class HistoryMissing(Exception):
    """The commit is not here: a shallow clone, or no clone at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The commit, and the SHA-256 of each file of its migrations."""

    commit: str
    migrations: Mapping[str, str]


def read() -> Baseline:
    """What the file says."""
    commit, *lines = FILE.read_text("utf-8").split("\n")
    digests = (line.split("  ") for line in lines if line)
    return Baseline(commit=commit, migrations={name: digest for digest, name in digests})


def write(commit: str) -> None:
    """Make a commit the baseline."""
    named = _git("rev-parse", "--verify", f"{commit}^{{commit}}").decode().strip()
    with tarfile.open(fileobj=io.BytesIO(_git("archive", named, "--", "migrations"))) as tar:
        digests = [
            f"{hashlib.sha256(file.read()).hexdigest()}  {member.name}"
            for member in sorted(tar.getmembers(), key=lambda one: one.name)
            if _is_step(member.name) and (file := tar.extractfile(member)) is not None
        ]
    FILE.write_text("\n".join([named, *digests]) + "\n", "utf-8")


def edited() -> list[str]:
    """Migrations of the baseline that are not what they were, or are not there."""
    return [
        name
        for name, digest in read().migrations.items()
        if not (ROOT / name).exists()
        or hashlib.sha256((ROOT / name).read_bytes()).hexdigest() != digest
    ]


def is_released() -> bool:
    """Whether the changelog has a version that is out."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    return text.count(RELEASED) > text.count(f"{RELEASED}Unreleased]")


def lay_out(target: Path) -> None:
    """Put the packages of the baseline into a directory. Raises HistoryMissing."""
    commit = read().commit
    try:
        archive = _git("archive", commit, "--", *PACKAGES)
    except (OSError, subprocess.CalledProcessError):
        raise HistoryMissing(
            f"git does not have {commit[:12]} here: it takes a clone with its whole history"
            " (git fetch --unshallow)"
        ) from None
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(target, filter="data")


def _is_step(name: str) -> bool:
    return name.startswith(("migrations/versions/", "migrations/sql/")) and "." in name


def _git(*words: str) -> bytes:
    return subprocess.run(
        ["git", *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ).stdout


if __name__ == "__main__":
    write(sys.argv[1])
