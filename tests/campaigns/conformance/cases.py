"""
The cases of npm's `@scion-scxml/test-framework`: W3C's IRP suite for SCXML, and SCION's own.

They are fetched by npm when they are needed, checked against a known digest, and never
committed.
"""

import hashlib
import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "@scion-scxml/test-framework@2.0.16"
SHA256: Final = "b813071f5691c7a36bab65ba5ce5aae479933395177447a6609c110bc936622b"
_FETCH_TIMEOUT_S: Final = 120
_W3C: Final = "w3c-ecma"


class CasesMissing(Exception):
    """The cases cannot be read here; the message says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """A document and its script. `name` is its path in the package, without the ending."""

    name: str
    document: str
    script: dict[str, Any]

    @property
    def suite(self) -> str:
        return "W3C" if self.name.startswith(_W3C) else "SCION"

    @property
    def has_outcome(self) -> bool:
        """
        Whether it is to reach the state `pass` by itself. Their scripts wait on a clock, and
        tell in which states SCION happens to be before.
        """
        return self.suite == "W3C"


def fetch(directory: Path) -> Path:
    """
    The package's tarball, in this directory; fetched if it is not there yet.

    Raises CasesMissing where npm is missing or cannot get it.
    """
    for found in directory.glob("*.tgz"):
        return found
    npm = shutil.which("npm")
    if npm is None:
        raise CasesMissing("there is no npm on the PATH to fetch the cases with")
    try:
        subprocess.run(
            [npm, "pack", "--silent", PACKAGE],
            cwd=directory,
            check=True,
            capture_output=True,
            timeout=_FETCH_TIMEOUT_S,
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise CasesMissing(f"npm cannot fetch {PACKAGE}: {said}") from error
    except subprocess.TimeoutExpired as error:
        raise CasesMissing(f"npm did not fetch {PACKAGE} in {_FETCH_TIMEOUT_S} s") from error
    return next(directory.glob("*.tgz"))


def read(tarball: Path) -> list[Case]:
    """All cases that have a script, by name. Raises CasesMissing for another package."""
    digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
    if digest != SHA256:
        raise CasesMissing(f"{tarball} is not {PACKAGE}: its SHA-256 is {digest}")
    texts: dict[str, str] = {}
    with tarfile.open(tarball) as package:
        for member in package.getmembers():
            name = member.name.removeprefix("package/test/")
            if name == member.name or not name.endswith((".scxml", ".json")):
                continue
            file = package.extractfile(member)
            assert file is not None  # a regular file, by its name
            texts[name] = file.read().decode()
    cases: list[Case] = []
    for name in sorted(texts):
        stem = name.removesuffix(".scxml")
        if stem != name and f"{stem}.json" in texts:
            script = json.loads(texts[f"{stem}.json"])
            cases.append(Case(stem.removesuffix(".txml"), texts[name], script))
    return cases
