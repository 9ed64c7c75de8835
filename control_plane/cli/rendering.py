"""`foliot definition render`: a definition's file as a picture, or as the text of one."""

import sys
from collections.abc import Sequence
from pathlib import Path

from control_plane.cli.failing import explained
from control_plane.cli.spec_files import read_spec
from control_plane.drawing import Format, draw
from control_plane.engine import Machine, Snapshot, compile_spec
from shared.errors import InvalidRequest

FORMATS: tuple[Format, ...] = ("mermaid", "dot", "svg", "png")


def run_render(file: Path, *, form: str, output: Path | None, active: Sequence[str]) -> None:
    """Write the drawing to a file or to standard output, the active states standing out."""
    with explained():
        wanted = _format(form, output)
        machine = compile_spec(read_spec(file))
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
    given = form or ("" if output is None else output.suffix.removeprefix(".").lower())
    for known in FORMATS:
        if given == known:
            return known
    if form:
        raise InvalidRequest(f"there is no format {form!r}; take one of {', '.join(FORMATS)}")
    return "mermaid"


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
