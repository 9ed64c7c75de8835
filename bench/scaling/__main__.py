"""`python -m bench.scaling`: writes the tables of docs/scaling.md, or checks that they are its."""

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.scaling.page import FIGURES, whole

PAGE = Path("docs/scaling.md")


def scaling(
    figures: Annotated[
        Path, typer.Option(help="What `python -m bench.costs --json` wrote.")
    ] = FIGURES,
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; 1 if it differs.")] = False,
) -> None:
    """Carry figures further, and put them in the page."""
    text = PAGE.read_text()
    made = whole(text, json.loads(figures.read_text()))
    if check and made != text:
        typer.echo(f"{PAGE} is not what the figures and the schema give; run `make gen`", err=True)
        raise typer.Exit(1)
    if not check:
        PAGE.write_text(made)


if __name__ == "__main__":
    typer.run(scaling)
