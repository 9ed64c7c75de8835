"""Fetches the package with the vectors, the same one every time."""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

from tests.conformance.cel.vectors import DIRECTORY

PACKAGE: Final = "@bufbuild/cel-spec@0.6.1"
SHA512: Final = (
    "m0Ac9qA669yxxC0Hy45qGsUZemjImVfxPl6r9jLbkJviEvv3R9hSYyH2ItGRbDguekX6eId0cb62ulNBK97ezg=="
)


class NotFetched(Exception):
    """The package cannot be had here, or is not the one that is expected."""


def fetch() -> None:
    """Unpack it below build/, unless it is there. Raises NotFetched."""
    if DIRECTORY.exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise NotFetched("install node with npm, which fetches the specification's vectors")
    DIRECTORY.parent.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", PACKAGE, "--json", "--pack-destination", str(DIRECTORY.parent)]
    packed = subprocess.run(command, capture_output=True, text=True, check=False)
    if packed.returncode != 0:
        raise NotFetched(f"npm could not fetch {PACKAGE}: {packed.stderr.strip()}")
    archive = Path(DIRECTORY.parent, json.loads(packed.stdout)[0]["filename"])
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != SHA512:
        raise NotFetched(f"{PACKAGE} is not what it was: its sha512 is {found}")
    with tarfile.open(archive) as opened:
        opened.extractall(DIRECTORY.parent, filter="data")
