"""`foliot definition export`: a definition as a document of another format."""

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from control_plane.cli.failing import FAILED, explained
from control_plane.cli.importing import as_table, write_out
from control_plane.cli.options import Target
from control_plane.cli.spec_files import sound
from control_plane.cli.spec_sources import read_all
from control_plane.interchange import Exported, write_scxml, write_xstate


def run_export(target: Target, source: str, *, form: str, to: Path | None, partial: bool) -> None:
    """Exits with 1 if something was left out, having written nothing, unless `partial`."""
    with explained():
        (document,) = read_all(target, [source])
        sound(document)
        spec = json.loads(document.text)
        exported = write_scxml(spec) if form == "scxml" else write_xstate(spec)
        if exported.left_out:
            Console(stderr=True).print(_table(exported))
            if not partial:
                sys.exit(FAILED)
        write_out(exported.text, to)


def _table(exported: Exported) -> Table:
    table = as_table("where", "why", title="Left out, or meaning something else there")
    for part in exported.left_out:
        table.add_row(Text(part.json_pointer or "/"), Text(part.why))
    return table
