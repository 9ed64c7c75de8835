"""The wheel and the sdist, from what is committed and from nothing else; twice, to compare."""

import hashlib
import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.release.running import ROOT, Broken, done, say

GIT = "git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What would be uploaded."""

    wheel: Path
    sdist: Path

    @property
    def version(self) -> str:
        return self.wheel.name.split("-")[1]


def is_dirty() -> bool:
    """Whether the checkout has changes that are not committed."""
    return bool(done([GIT, "status", "--porcelain", "--untracked-files=normal"]).strip())


def committed(target: Path) -> Path:
    """Lay out the commit that is checked out, as a clone of it would be."""
    archive = subprocess.run(
        [GIT, "archive", "--format=tar", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, check=False
    )
    if archive.returncode:
        raise Broken("a release is made of a commit, and git knows none here")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(target, filter="data")
    return target


def build_twice(tools: Path, source: Path, directory: Path) -> tuple[Built, list[str]]:
    """
    Build, and once more elsewhere and later; whoever builds the commit again should get the same
    bytes. The wheel comes from the sdist, so that the sdist is enough.
    """
    when = done([GIT, "log", "-1", "--format=%ct"]).strip()
    elsewhere = committed(directory / "elsewhere with a longer path")
    first = _build(tools, source, directory / "built", when)
    second = _build(tools, elsewhere, directory / "again", when)
    problems = [
        f"{one.name} is not the same when it is built again"
        for one, other in ((first.wheel, second.wheel), (first.sdist, second.sdist))
        if one.read_bytes() != other.read_bytes()
    ]
    for file in (first.wheel, first.sdist):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        say(f"built  {file.name} · {file.stat().st_size // 1024} KiB · sha256 {digest}")
    return first, problems


def _build(tools: Path, source: Path, out: Path, when: str) -> Built:
    building: list[str | Path] = [tools, "-m", "build", "--no-isolation", "--outdir", out, source]
    done(building, where=source, more={"SOURCE_DATE_EPOCH": when})
    (wheel,) = out.glob("*.whl")
    (sdist,) = out.glob("*.tar.gz")
    return Built(wheel=wheel, sdist=sdist)
