"""`foliot definition validate`: the validator's findings, for reading."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from control_plane.cli.failing import FAILED
from control_plane.cli.spec_files import read_file
from control_plane.engine import Diagnostic
from control_plane.use_cases.validate_definition import diagnose
from shared.documents import Document

_STYLES = {"error": "bold red", "warning": "yellow"}


def run_validate(file: Path, output: str = "table") -> None:
    """Print what is found, and exit with 1 if there is an error among it."""
    document = read_file(file)
    machine, found = diagnose(document.text)
    if output == "json":
        # Bare, so that a program can take it in.
        print(json.dumps(_as_json(document, found), indent=2, ensure_ascii=False))  # noqa: T201 - what it is asked for
    else:
        _show(document, found, Console(highlight=False))
    if machine is None:
        sys.exit(FAILED)


def _show(document: Document, found: Sequence[Diagnostic], console: Console) -> None:
    for one in found:
        line = Text(f"{document.name}:{document.place_of(one.json_pointer)} ", style="bold")
        line.append(one.severity, style=_STYLES[one.severity])
        line.append(f" {one.rule}", style="dim")
        console.print(line, soft_wrap=True)
        console.print(Text(f"    {one.message}"), soft_wrap=True)
        if one.remedy:
            console.print(Text(f"    → {one.remedy}", style="green"), soft_wrap=True)
        if one.witness:
            console.print(Text(f"    as in: {', '.join(one.witness)}"), soft_wrap=True)
        console.print(Text(f"    at {one.json_pointer or '/'}", style="dim"), soft_wrap=True)
    errors = sum(one.severity == "error" for one in found)
    warnings = len(found) - errors
    if not found:
        console.print(Text.assemble((f"{document.name}: ", "bold"), ("nothing is wrong", "green")))
        return
    style = "red" if errors else "yellow"
    console.print(
        Text(f"{document.name}: {_count(errors, 'error')}, {_count(warnings, 'warning')}", style)
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _as_json(document: Document, found: Sequence[Diagnostic]) -> dict[str, object]:
    return {
        "file": document.name,
        "valid": all(one.severity != "error" for one in found),
        "diagnostics": [
            {
                "severity": one.severity,
                "rule": one.rule,
                "line": document.place_of(one.json_pointer).line,
                "column": document.place_of(one.json_pointer).column,
                "json_pointer": one.json_pointer,
                "message": one.message,
                "remedy": one.remedy,
                "witness": list(one.witness),
            }
            for one in found
        ],
    }
