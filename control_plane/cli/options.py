"""
The options that many commands have, each said once.

Typer alone is imported here, so that help stays quick: what an option means is worked out in
calling.py, once a command runs.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Concatenate, Literal, ParamSpec

import typer

from control_plane.cli.profile_names import profile_names

Given = ParamSpec("Given")

Output = Annotated[
    Literal["table", "json"],
    typer.Option("--output", "-o", help="For reading, or for programs."),
]
DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="FOLIOT_DATA_DIR",
        help="Where the embedded servers keep their data. One server a directory.",
    ),
]
DEFAULT_DATA_DIR = Path(".foliot")
DEFAULT_LISTEN = "127.0.0.1:7233"

Limit = Annotated[
    int, typer.Option("--limit", "-n", min=1, help="How many at most; `--all` for every one.")
]
DEFAULT_LIMIT = 50
All = Annotated[bool, typer.Option("--all", help="Every one, however many there are.")]
Filter = Annotated[
    str,
    typer.Option(
        "--filter", "-f", help="A filter of the API, beside the other options.", show_default=False
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", "-r", help="Why: kept in the history.", show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether it is meant.")]
Input = Annotated[
    str,
    typer.Option(
        "--input",
        "-i",
        metavar="JSON",
        help="The input, an object: JSON or YAML, `@file`, or `-` for standard input.",
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", "-l", metavar="NAME=VALUE", help="Put on instances. Repeatable."),
]
RequestId = Annotated[
    str,
    typer.Option(
        "--request-id",
        help="A name for this request: a repeat with the same one changes nothing.",
        show_default=False,
    ),
]

SERVER_PANEL = "Which server, and as whom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """
    Which server, and as whom, as far as it was said; calling.py finds the rest. An option
    that was not given is empty or None.
    """

    profile: str = ""
    address: str = ""
    key: str = ""
    data_dir: Path | None = None
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    server_name: str = ""
    plaintext: bool | None = None


def _option(
    *names: str, says: str, variable: str, proposes: Callable[[str], list[str]] | None = None
) -> Any:
    return typer.Option(
        *names,
        envvar=variable,
        help=says,
        show_default=False,
        rich_help_panel=SERVER_PANEL,
        autocompletion=proposes,
    )


_OPTIONS: dict[str, tuple[Any, Any]] = {
    "profile": (
        Annotated[
            str,
            _option(
                "--profile",
                says="A profile, as `foliot profile list` shows them.",
                variable="FOLIOT_PROFILE",
                proposes=profile_names,
            ),
        ],
        "",
    ),
    "address": (
        Annotated[
            str,
            _option(
                "--address",
                says="The control plane's address, host:port.",
                variable="FOLIOT_CONTROL_PLANE",
            ),
        ],
        "",
    ),
    "key": (
        Annotated[
            str,
            _option(
                "--key",
                says="The API key. Said nowhere, the `foliot dev` that runs here has one.",
                variable="FOLIOT_KEY",
            ),
        ],
        "",
    ),
    "data_dir": (
        Annotated[
            Path | None,
            _option("--data-dir", says="Where that `foliot dev` runs.", variable="FOLIOT_DATA_DIR"),
        ],
        None,
    ),
    "ca_file": (
        Annotated[
            str,
            _option(
                "--ca-file",
                says="Whose certificates to believe, as PEM; with it, the connection is encrypted.",
                variable="FOLIOT_TLS_CA_FILE",
            ),
        ],
        "",
    ),
    "client_cert": (
        Annotated[
            str,
            _option(
                "--client-cert",
                says="A certificate of our own to show, as PEM.",
                variable="FOLIOT_TLS_CLIENT_CERT_FILE",
            ),
        ],
        "",
    ),
    "client_key": (
        Annotated[
            str,
            _option(
                "--client-key",
                says="The private key of that certificate, as PEM.",
                variable="FOLIOT_TLS_CLIENT_KEY_FILE",
            ),
        ],
        "",
    ),
    "server_name": (
        Annotated[
            str,
            _option(
                "--server-name",
                says="The name in the server's certificate, where it is not that of the address.",
                variable="FOLIOT_TLS_SERVER_NAME",
            ),
        ],
        "",
    ),
    "plaintext": (
        Annotated[
            bool | None,
            _option(
                "--plaintext/--encrypted",
                says="Encrypt nothing, also beyond this machine: somebody else sees to it.",
                variable="FOLIOT_ALLOW_PLAINTEXT",
            ),
        ],
        None,
    ),
}


def asks_a_server(command: Callable[Concatenate[Target, Given], None]) -> Callable[..., None]:
    """
    A command that talks to a server: it gets the options that say which, and as whom, and
    what they say as its first argument.
    """
    run: Callable[..., None] = command

    @functools.wraps(command)
    def with_target(**given: Any) -> None:
        target = Target(**{name: given.pop(name) for name in _OPTIONS})
        run(target, **given)

    own = inspect.signature(command, eval_str=True)
    _, *parameters = own.parameters.values()
    parameters += [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )
        for name, (annotation, default) in _OPTIONS.items()
    ]
    with_target.__signature__ = own.replace(  # type: ignore[attr-defined]  # inspect looks for it
        parameters=[one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    )
    with_target.__annotations__ = {one.name: one.annotation for one in parameters}
    return with_target
