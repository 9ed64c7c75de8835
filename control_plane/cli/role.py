"""`foliot role`: what a key may be for."""

import typer

from control_plane.cli.options import Output, Target, asks_a_server

role = typer.Typer(
    name="role",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="See what each role grants.",
)


@role.callback()
def _group() -> None:
    """Keeps `list` a command of its own."""


@role.command("list")
@asks_a_server
def list_(target: Target, output: Output = "table") -> None:
    """List the roles that a key may have, and what each lets its holder do."""
    from control_plane.cli.showing_roles import run_list

    run_list(target, output)
