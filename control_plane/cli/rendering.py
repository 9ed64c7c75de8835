"""`foliot definition render`: a definition's file as a picture, or as the text of one."""

import sys
from collections.abc import Sequence
from pathlib import Path

from control_plane.cli.failing import explained
from control_plane.cli.spec_files import read_machine
from control_plane.drawing import Format, draw
from control_plane.engine import Machine, Snapshot
from shared.errors import InvalidRequest

FORMATS: tuple[Format, ...] = ("mermaid", "dot", "svg", "png")
_SUFFIXES: dict[str, Format] = {
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".svg": "svg",
    ".png": "png",
}
"""What the name of a file tells."""


def run_render(file: Path, *, form: str, to: Path | None, active: Sequence[str]) -> None:
    """Write the drawing to a file or to standard output, the active states standing out."""
    with explained():
        wanted = _format(form, to)
        machine = read_machine(file)
        drawn = draw(machine, _standing(machine, active), wanted)
        if to is None:
            if wanted == "png" and sys.stdout.isatty():
                raise InvalidRequest(
                    "a PNG is nothing to read in a terminal; say where to with --to"
                )
            sys.stdout.buffer.write(drawn)
            sys.stdout.buffer.flush()
            return
        try:
            to.write_bytes(drawn)
        except OSError as error:
            raise InvalidRequest(f"{to}: {error.strerror or error}") from error


def _format(form: str, to: Path | None) -> Format:
    """The one asked for; else the one that the file's name tells; else Mermaid."""
    if form:
        for known in FORMATS:
            if form.lower() == known:
                return known
        raise InvalidRequest(f"there is no format {form!r}; take one of {', '.join(FORMATS)}")
    if to is None:
        return "mermaid"
    told = _SUFFIXES.get(to.suffix.lower())
    if told is None:
        raise InvalidRequest(
            f"the name {to.name!r} tells no format; say which with --format, or let it end in"
            f" one of {', '.join(_SUFFIXES)}"
        )
    return told


def _standing(machine: Machine, active: Sequence[str]) -> Snapshot | None:
    if not active:
        return None
    for path in active:
        if path not in machine.index_of:
            raise InvalidRequest(
                f"there is no state {path!r}; name one by its keys from the root, joined by dots:"
                f" {_some(machine)}"
            )
    return Snapshot(spec_hash=machine.spec_hash, configuration=tuple(active))


def _some(machine: Machine) -> str:
    paths = [state.path for state in machine.states[1:]]
    return ", ".join(paths[:10]) + (" …" if len(paths) > 10 else "")
