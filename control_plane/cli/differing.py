"""`foliot definition diff`: what has changed in a definition, and what instances notice of it."""

import json
import sys
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from control_plane.cli.spec_files import sound
from control_plane.cli.spec_sources import read_all
from control_plane.engine import Comparison, Compatibility, compare, difference_words

DIFFERENT = 1
UNREADABLE = 2

_VERDICTS: dict[Compatibility, str] = {
    "IDENTICAL": "bold green",
    "COMPATIBLE": "bold green",
    "NEEDS_MAPPING": "bold yellow",
    "BREAKING": "bold red",
}
_STYLES = {"+": "green", "-": "red", "~": "yellow", "title": "bold", "reason": ""}


def run_diff(target: Target, before: str, after: str, output: str) -> None:
    """Print the comparison; exits with 1 if anything differs, with 2 for a bad file."""
    with explained(UNREADABLE):
        comparison = compare(*map(sound, read_all(target, [before, after])))
    if output == "json":
        # Bare, so that a program can take it in.
        print(json.dumps(asdict(comparison), indent=2, ensure_ascii=False))  # noqa: T201 - what it is asked for
    else:
        _show(comparison, Console(highlight=False))
    if comparison.compatibility != "IDENTICAL":
        sys.exit(DIFFERENT)


def _show(comparison: Comparison, console: Console) -> None:
    for line in difference_words(comparison):
        if line.sign == "verdict":
            verdict, colon, meaning = line.text.partition(":")
            style = _VERDICTS[comparison.compatibility]
            text = Text.assemble((verdict, style), f"{colon}{meaning}")
        else:
            text = Text(line.text, style=_STYLES[line.sign])
        console.print(text, soft_wrap=True)
