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
"""What the name of an output tells."""


def run_render(file: Path, *, form: str, output: Path | None, active: Sequence[str]) -> None:
    """Write the drawing to a file or to standard output, the active states standing out."""
    with explained():
        wanted = _format(form, output)
        machine = read_machine(file)
        drawn = draw(machine, _standing(machine, active), wanted)
        if output is None:
            if wanted == "png" and sys.stdout.isatty():
                raise InvalidRequest(
                    "a PNG is nothing to read in a terminal; say where to with --output"
                )
            sys.stdout.buffer.write(drawn)
            sys.stdout.buffer.flush()
            return
        try:
            output.write_bytes(drawn)
        except OSError as error:
            raise InvalidRequest(f"{output}: {error.strerror or error}") from error


def _format(form: str, output: Path | None) -> Format:
    """The one asked for; else the one that the output's name tells; else Mermaid."""
    if form:
        for known in FORMATS:
            if form.lower() == known:
                return known
        raise InvalidRequest(f"there is no format {form!r}; take one of {', '.join(FORMATS)}")
    if output is None:
        return "mermaid"
    told = _SUFFIXES.get(output.suffix.lower())
    if told is None:
        raise InvalidRequest(
            f"the name {output.name!r} tells no format; say which with --format, or let it end in"
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
