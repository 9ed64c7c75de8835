"""Scenarios as files: where they are, and the definitions they name."""

from collections.abc import Sequence
from pathlib import Path

from control_plane.cli.spec_files import read_file
from control_plane.simulation import Scenario, read_scenario
from shared.documents import Document, DocumentInvalid
from shared.errors import InvalidRequest

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
MAX_FILES = 10_000
"""Files of one run."""


def find_scenarios(paths: Sequence[Path]) -> list[Path]:
    """
    The files to run: those named, and of the folders named every YAML or JSON file below that
    is no definition, sorted by name. Raises InvalidRequest if there is none, or no such path.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            below = sorted(one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES)
            found.update(dict.fromkeys(one for one in below if not _is_definition(one)))
        elif path.exists():
            found[path] = None
        else:
            raise InvalidRequest(f"there is no {path}; name a scenario's file, or a folder of them")
    if not found:
        named = ", ".join(str(path) for path in paths)
        raise InvalidRequest(
            f"there is no scenario in {named}: no YAML or JSON file but definitions"
        )
    if len(found) > MAX_FILES:
        raise InvalidRequest(f"{len(found)} files; {MAX_FILES} may be run at once")
    return list(found)


def read_scenario_file(file: Path, definition: Document | None = None) -> Scenario:
    """The scenario in a file; a definition that it names is relative to it."""
    return read_scenario(read_file(file), lambda name: read_file(file.parent / name), definition)


def _is_definition(file: Path) -> bool:
    """Whether it has states at the top: scenarios have them inside their definition only."""
    try:
        value = read_file(file).value
    except DocumentInvalid:
        # Nobody can tell; it is told when it is run.
        return False
    return isinstance(value, dict) and "states" in value and "steps" not in value
