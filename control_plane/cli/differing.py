"""`foliot definition diff`: what has changed in a definition, and what instances notice of it."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.text import Text

from control_plane.cli.failing import explained
from control_plane.cli.spec_files import read_machine
from control_plane.engine import Change, Comparison, Compatibility, compare

DIFFERENT = 1
UNREADABLE = 2

_MEANING: dict[Compatibility, tuple[str, str]] = {
    "IDENTICAL": ("green", "nothing differs"),
    "COMPATIBLE": ("green", "every instance can go on in the states it is in"),
    "NEEDS_MAPPING": (
        "yellow",
        "somebody has to say where the instances in some states go on; all others can",
    ),
    "BREAKING": (
        "red",
        "there are states in which an instance of the old one cannot just go on",
    ),
}
_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def run_diff(before: Path, after: Path, output: str) -> None:
    """Print the comparison; exits with 1 if anything differs, with 2 for a bad file."""
    with explained(UNREADABLE):
        comparison = compare(read_machine(before), read_machine(after))
    if output == "json":
        # Bare, so that a program can take it in.
        print(json.dumps(asdict(comparison), indent=2, ensure_ascii=False))  # noqa: T201 - what it is asked for
    else:
        _show(comparison, Console(highlight=False))
    if comparison.compatibility != "IDENTICAL":
        sys.exit(DIFFERENT)


def _show(comparison: Comparison, console: Console) -> None:
    for sign, paths in (("added", comparison.added), ("removed", comparison.removed)):
        for path in paths:
            _line(console, sign, f"state {path}")
    for one in comparison.renamed:
        if one.means != "parent":
            sure = "" if one.confidence == 1.0 else f", {one.confidence:.0%} alike"
            told = f"state {one.before} → {one.after} (by its {one.means}{sure})"
            _line(console, "changed", told)
    state = ""
    for change in comparison.changes:
        if change.state != state:
            state = change.state
            title = "the definition" if state == "." else f"state {state}"
            console.print(Text(title, style="bold"), soft_wrap=True)
        _show_change(console, change)
    style, meaning = _MEANING[comparison.compatibility]
    console.print(
        Text.assemble((comparison.compatibility, f"bold {style}"), f": {meaning}"), soft_wrap=True
    )
    for reason in comparison.reasons:
        place = "the definition" if reason.state == "." else reason.state
        console.print(Text(f"    {place}: {reason.message}"), soft_wrap=True)


def _show_change(console: Console, change: Change) -> None:
    what = f"{change.part} {change.name}".rstrip()
    about = f" ({', '.join(change.aspects)})" if change.aspects else ""
    _line(console, change.how, f"{what}{about}", indent="    ")
    if change.before:
        console.print(Text(f"        - {change.before}", style="red"), soft_wrap=True)
    if change.after:
        console.print(Text(f"        + {change.after}", style="green"), soft_wrap=True)


def _line(console: Console, how: str, told: str, indent: str = "") -> None:
    sign, style = _SIGNS[how]
    console.print(Text(f"{indent}{sign} {told}", style=style), soft_wrap=True)
