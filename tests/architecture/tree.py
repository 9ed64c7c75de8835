"""The repository as it is on disk, for tests that read it instead of running it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = ("control_plane", "executor", "migrations", "shared")
GENERATED = "foliot"
"""The package of the protos; it lives in proto/gen and nobody writes it by hand."""


def production_files() -> Iterator[Path]:
    """Every Python file that is installed and written by hand."""
    for package in OURS:
        yield from sorted((ROOT / package).rglob("*.py"))


def written_files() -> Iterator[Path]:
    """Every Python file written by hand: what is installed, the scripts, the tests."""
    yield from production_files()
    yield from sorted((ROOT / "proto").glob("*.py"))
    yield from sorted((ROOT / "tests").rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def shown(path: Path) -> str:
    """The path as people write it."""
    return path.relative_to(ROOT).as_posix()
