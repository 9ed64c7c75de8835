"""
XState, fetched at run time: one pinned version, checked against its published digest,
unpacked once for each variant into a cache outside the repository.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.campaigns.xstate.decisions import Variant, apply, variants

VERSION: Final = "5.33.3"
SHA512: Final = (
    "AnDRjS/GyKHmbA1PyhVCYBqYsA7EGe3KGgeD0ht3NFsXzoz7leX/HQDFX9QlHFJ/ltLHPsgChJYwPzRvB/0b4g=="
)
"""Of the package's tarball, in base64, as the registry publishes it."""

FETCH_TIMEOUT_S: Final = 120
ENTRY: Final = "xstate.esm.js"


class NotAvailable(Exception):
    """Something that is not part of the project is missing; says what, and is no failure."""


class Library:
    """The unpacked variants, by the URL that node imports."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, variant: Variant) -> str:
        return (self._folder / _folder_of(variant) / ENTRY).as_uri()


def fetch() -> Library:
    """
    Have every variant ready. A second call finds them in the cache.

    Raises NotAvailable without node, npm or a registry that answers.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NotAvailable(f"there is no {program} on the PATH; install Node.js 20 or newer")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "foliot" / f"xstate-{VERSION}"
    with TemporaryDirectory() as temporary:
        package = folder / "package.tgz"
        if not (package.exists() and _is_published(package)):
            _download(Path(temporary), package)
        _unpack(package, folder, Path(temporary))
    return Library(folder)


def _download(into: Path, package: Path) -> None:
    try:
        subprocess.run(
            ["npm", "pack", f"xstate@{VERSION}", "--pack-destination", str(into)],
            check=True,
            capture_output=True,
            text=True,
            timeout=FETCH_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise NotAvailable(f"npm had no answer within {FETCH_TIMEOUT_S} s") from error
    except subprocess.CalledProcessError as error:
        said = [line for line in error.stderr.splitlines() if line.startswith("npm error")]
        why = said[0] if said else "npm does not say why"
        raise NotAvailable(f"npm could not fetch xstate {VERSION}: {why}") from error
    (fetched,) = into.glob("*.tgz")
    if not _is_published(fetched):
        raise NotAvailable(f"what npm fetched is not xstate {VERSION} as it was published")
    package.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(fetched, package)


def _unpack(package: Path, folder: Path, temporary: Path) -> None:
    """Write the variants anew, so that a changed decision never meets an old copy."""
    with tarfile.open(package) as archive:
        archive.extractall(temporary / "unpacked", filter="data")
    dist = temporary / "unpacked" / "package" / "dist"
    needed = [path for path in dist.glob("*.esm.js") if ".development." not in path.name]
    sources = {path.name: path.read_text("utf-8") for path in needed}
    algorithm = next(name for name in sources if name.startswith("raise-"))
    for variant in variants():
        into = folder / _folder_of(variant)
        into.mkdir(parents=True, exist_ok=True)
        (into / "package.json").write_text('{"type": "module"}\n', "utf-8")
        for name, text in sources.items():
            changed = apply(variant, text) if name == algorithm else text
            (into / name).write_text(changed, "utf-8")


def _folder_of(variant: Variant) -> str:
    return "-".join(decision.name for decision in variant) or "published"


def _is_published(package: Path) -> bool:
    digest = hashlib.sha512(package.read_bytes()).digest()
    return base64.b64encode(digest).decode() == SHA512
