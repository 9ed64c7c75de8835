"""`foliot server` and `foliot whoami`: who is there, and who one is to them."""

import typer

from control_plane.cli.options import Output, Target, asks_a_server

server = typer.Typer(
    name="server",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Ask a control plane about itself.",
)


@server.command()
@asks_a_server
def info(target: Target, output: Output = "table") -> None:
    """Say which release answers, what definitions may use there, and what its clock says."""
    from control_plane.cli.introducing import run_info

    run_info(target, output)


@asks_a_server
def whoami(target: Target, output: Output = "table") -> None:
    """Say whom the server takes you for, and what you may do."""
    from control_plane.cli.introducing import run_whoami

    run_whoami(target, output)
