"""`foliot definition schema`: the JSON Schema of definitions, for editors."""

import typer

from control_plane.engine import spec_schema


def run_schema() -> None:
    """The schema on standard output, and nothing else."""
    typer.echo(spec_schema(), nl=False)
