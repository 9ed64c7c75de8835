"""`foliot profile`: servers one often talks to, under names."""

from typing import Annotated

import typer

from control_plane.cli.options import Output
from control_plane.cli.profile_names import profile_names

profile = typer.Typer(
    name="profile",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Keep servers that you often talk to, and your keys for them, under names.",
)

Name = Annotated[
    str,
    typer.Argument(
        metavar="PROFILE",
        help="The profile's name.",
        show_default=False,
        autocompletion=profile_names,
    ),
]


def _given(*names: str, says: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, help=says, show_default=False)
    return option


@profile.command("set")
def set_(
    name: Name,
    address: Annotated[str | None, _given("--address", says="The address, host:port.")] = None,
    key: Annotated[
        str | None,
        _given("--key", says="The API key; `-` reads it from standard input, or asks for it."),
    ] = None,
    ca_file: Annotated[
        str | None, _given("--ca-file", says="Whose certificates to believe, as PEM.")
    ] = None,
    client_cert: Annotated[
        str | None, _given("--client-cert", says="A certificate of our own, as PEM.")
    ] = None,
    client_key: Annotated[
        str | None, _given("--client-key", says="The private key of that certificate, as PEM.")
    ] = None,
    server_name: Annotated[
        str | None, _given("--server-name", says="The name in the server's certificate.")
    ] = None,
    plaintext: Annotated[
        bool | None,
        _given("--plaintext/--encrypted", says="Encrypt nothing, also beyond this machine."),
    ] = None,
) -> None:
    """
    Make a profile, or change what is given of one. The first one is in use from then on.

    Said with `--key -`, the key is neither in the shell's history nor in the list of processes.

    `foliot profile set prod --address foliot.example:443 --key -`
    """
    from control_plane.cli.profiling import run_set

    run_set(
        name,
        {
            "address": address,
            "key": key,
            "ca_file": ca_file,
            "client_cert": client_cert,
            "client_key": client_key,
            "server_name": server_name,
            "plaintext": plaintext,
        },
    )


@profile.command("list")
def list_(output: Output = "table") -> None:
    """List the profiles; the one in use has a star."""
    from control_plane.cli.profiling import run_list

    run_list(output)


@profile.command()
def use(name: Name) -> None:
    """Use a profile wherever nothing else is said."""
    from control_plane.cli.profiling import run_use

    run_use(name)


@profile.command()
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[PROFILE]",
            help="The profile's name.",
            show_default="the one in use",
            autocompletion=profile_names,
        ),
    ] = "",
    output: Output = "table",
) -> None:
    """Show a profile; of its key no more than which one it is."""
    from control_plane.cli.profiling import run_show

    run_show(name, output)


@profile.command()
def remove(name: Name) -> None:
    """Forget a profile."""
    from control_plane.cli.profiling import run_remove

    run_remove(name)
