"""
`foliot definition`: what one does with a definition's file, before any server sees it.

Each command takes a path, or `-` for standard input, and reads JSON or YAML. None of them
needs a server: the engine that answers is the one that the control plane runs.
"""

from pathlib import Path
from typing import Annotated

import typer

definition = typer.Typer(
    name="definition",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Check, draw and try out definitions, from their files.",
)

SpecFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="The definition, as JSON or YAML; `-` reads standard input.",
        allow_dash=True,
        show_default=False,
    ),
]


@definition.command()
def validate(file: SpecFile) -> None:
    """
    Say what is wrong with a definition: every finding with its place and its remedy.

    Exits with 1 if there is an error; warnings alone exit with 0.
    """
    from control_plane.cli.validating import run_validate

    run_validate(file)
