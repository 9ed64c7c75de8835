"""What is in the wheel and the sdist, file by file, against what is committed."""

import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

from tests.campaigns.release.building import Built
from tests.campaigns.release.running import say

TYPED = ("control_plane", "executor", "shared", "migrations", "foliot")
MADE_BY_BUILDING = {"PKG-INFO"}


def problems_of(built: Built, source: Path) -> list[str]:
    """Files that are missing or do not belong, and metadata that says something else."""
    project = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    with zipfile.ZipFile(built.wheel) as opened:
        wheel = {name: opened.read(name) for name in opened.namelist()}
    problems = [
        *_of_wheel(wheel, source, packages),
        *_of_sdist(built.sdist, source),
        *_of_metadata(wheel, project["project"], source),
    ]
    say(f"files  {len(wheel)} in the wheel, each as it is committed" if not problems else "files")
    return problems


def _of_wheel(wheel: Mapping[str, bytes], source: Path, packages: list[str]) -> Iterator[str]:
    expected = {
        file.relative_to((source / package).parent).as_posix(): file
        for package in packages
        for file in (source / package).rglob("*")
        if file.is_file()
    }
    there = {name for name in wheel if ".dist-info/" not in name}
    yield from (f"the wheel lacks {name}" for name in sorted(expected.keys() - there))
    yield from (f"{name} does not belong in the wheel" for name in sorted(there - expected.keys()))
    for name in sorted(there & expected.keys()):
        if wheel[name] != expected[name].read_bytes():
            yield f"{name} is not in the wheel as it is committed"
    yield from (
        f"{package}/py.typed is missing: nobody's type checker would look"
        for package in TYPED
        if f"{package}/py.typed" not in wheel
    )


def _of_sdist(sdist: Path, source: Path) -> Iterator[str]:
    committed = {
        file.relative_to(source).as_posix() for file in source.rglob("*") if file.is_file()
    }
    with tarfile.open(sdist) as opened:
        there = {name.partition("/")[2] for name in opened.getnames() if "/" in name}
        roots = {name.partition("/")[0] for name in opened.getnames()}
    if len(roots) != 1:
        yield f"the sdist has {len(roots)} directories at its top"
    for name in sorted(there - committed - MADE_BY_BUILDING):
        yield f"{name} does not belong in the sdist"
    for name in ("LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "tests/conftest.py"):
        if name not in there:
            yield f"the sdist lacks {name}"


def _of_metadata(
    wheel: Mapping[str, bytes], project: Mapping[str, Any], source: Path
) -> Iterator[str]:
    (name,) = (name for name in wheel if name.endswith(".dist-info/METADATA"))
    metadata: Message = message_from_bytes(wheel[name])
    expected = {
        "Name": project["name"],
        "Version": project["version"],
        "Summary": project["description"],
        "License-Expression": project["license"],
        "License-File": "LICENSE",
        "Requires-Python": project["requires-python"],
        "Description-Content-Type": "text/markdown",
    }
    for field, value in expected.items():
        if metadata[field] != value:
            yield f"the metadata says {field}: {metadata[field]}, pyproject.toml {value}"
    if metadata.get_payload(decode=True) != (source / "README.md").read_bytes():
        yield "the long description is not the README"
    (points,) = (one for one in wheel if one.endswith(".dist-info/entry_points.txt"))
    for script, target in project["scripts"].items():
        if f"{script} = {target}" not in wheel[points].decode():
            yield f"the wheel has no console script {script}"
