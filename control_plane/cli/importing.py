"""`foliot definition import`: a statechart of another format as a definition's JSON."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from control_plane.cli.failing import FAILED, explained
from control_plane.cli.spec_files import STANDARD_INPUT, name_of
from control_plane.engine import check_spec
from control_plane.interchange import (
    DocumentUnreadable,
    Imported,
    Refused,
    read_scxml,
    read_xstate,
)
from shared.errors import InvalidRequest

_IN_A_PROGRAM = "; of a machine in a program, import what JSON.stringify(machine.config) gives"


def run_import(file: Path, *, form: str, to: Path | None, partial: bool, whole_names: bool) -> None:
    """Exits with 1 if something was refused, having written nothing, unless `partial`."""
    with explained():
        imported = _imported(file, form, whole_names=whole_names)
        _show(imported)
        if imported.refused and not partial:
            sys.exit(FAILED)
        written = json.dumps(imported.spec, indent=2, ensure_ascii=False)
        write_out(f"{written}\n", to)
        machine, _ = check_spec(imported.spec)
        if machine is None:
            name = "FILE" if to is None else str(to)
            Console(stderr=True).print(
                f"The definition is not complete; see `foliot definition validate {name}`.",
                markup=False,
                highlight=False,
            )


def write_out(text: str, to: Path | None) -> None:
    """To a file, or to standard output."""
    if to is None:
        sys.stdout.write(text)
        return
    try:
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{to}: {error.strerror or error}") from error


def form_of(file: Path, given: str | None) -> str:
    """The format that was asked for, or else the one that the file's name tells."""
    if given is not None:
        return given
    return "scxml" if file.suffix.lower() in {".scxml", ".xml"} else "xstate"


def _imported(file: Path, form: str, *, whole_names: bool) -> Imported:
    text = _read(file)
    if form == "scxml":
        with _named(file):
            return read_scxml(text, whole_names=whole_names)
    with _named(file, hint=_IN_A_PROGRAM):
        return read_xstate(text)


@contextmanager
def _named(file: Path, hint: str = "") -> Iterator[None]:
    """Say of which file it is that it cannot be read."""
    try:
        yield
    except DocumentUnreadable as error:
        raise DocumentUnreadable(f"{name_of(file)}: {error.message}{hint}") from error


def as_table(*columns: str, title: str) -> Table:
    """A table that cuts nothing off, however narrow the terminal is."""
    table = Table(title=title)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _read(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(file) == STANDARD_INPUT else file.read_bytes()
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentUnreadable(
            f"{name_of(file)}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from error
    except OSError as error:
        raise InvalidRequest(f"{file}: {error.strerror or error}") from error


def _show(imported: Imported) -> None:
    for title, parts in (
        ("Refused: these have no place in a definition", imported.refused),
        ("Taken over, and different in a corner", imported.differs),
    ):
        if parts:
            Console(stderr=True).print(_table(title, parts))


def _table(title: str, parts: tuple[Refused, ...]) -> Table:
    table = as_table("what", "where", "why", "what to do", title=title)
    for part in parts:
        table.add_row(*map(Text, (part.what, part.place or "/", part.why, part.remedy)))
    return table
