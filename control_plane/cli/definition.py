"""
`foliot definition`: what one does with a definition's file, before any server sees it.

Each command takes a path, or `-` for standard input, and reads JSON or YAML. None of them
needs a server: the engine that answers is the one that the control plane runs. Only what is
compared or exported may be a version that a server keeps. Those that talk to one are in
definition_versions.py.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from control_plane.cli.options import Output, Target, asks_a_server

definition = typer.Typer(
    name="definition",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Check, draw and try out definitions, from their files; keep them on a server.",
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
def validate(
    file: SpecFile,
    output: Output = "table",
) -> None:
    """
    Say what is wrong with a definition: every finding with its place and its remedy.

    Exits with 1 if there is an error; warnings alone exit with 0.

    `foliot definition validate order.yaml`
    """
    from control_plane.cli.validating import run_validate

    run_validate(file, output)


@definition.command()
def simulate(
    file: SpecFile,
    script: Annotated[
        Path | None,
        typer.Option(
            "--script",
            "-s",
            help="What happens: a scenario's file, with or without expectations.",
            show_default=False,
        ),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(
            "--event",
            "-e",
            metavar="TYPE[=PAYLOAD]",
            help="An event to send after the script; the payload as JSON or YAML. Repeatable.",
        ),
    ] = None,
    given: Annotated[
        str | None,
        typer.Option("--input", "-i", help="The input of the start, an object as JSON or YAML."),
    ] = None,
    output: Output = "table",
    *,
    trace: Annotated[
        bool,
        typer.Option("--trace", "-t", help="Also show every transition asked, and its guard."),
    ] = False,
) -> None:
    """
    Try a definition out in virtual time, without a server, and tell what happens.

    Exits with 1 if a step was refused or something was not as the script expects. What a
    script may say is in docs/scenarios.md.

    `foliot definition simulate order.yaml --input '{"amount": 5}' --event 'PAY={"by": "card"}' -t`
    """
    from control_plane.cli.simulating import run_simulate

    run_simulate(file, script=script, events=event or [], given=given, trace=trace, output=output)


class Form(StrEnum):
    """What other formats definitions come from and go to."""

    SCXML = "scxml"
    XSTATE = "xstate"


To = Annotated[
    Path | None,
    typer.Option("--to", metavar="FILE", help="Where to write; standard output if not given."),
]


@definition.command()
def render(
    file: SpecFile,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="mermaid, dot, svg or png. If not given, told by the name of --to; mermaid if"
            " there is none.",
            show_default=False,
        ),
    ] = "",
    to: To = None,
    active: Annotated[
        list[str] | None,
        typer.Option(
            "--active",
            "-a",
            metavar="STATE",
            help="A state that is to stand out, by its path, as work.packing. Repeatable.",
        ),
    ] = None,
) -> None:
    """
    Draw a definition: as text for Mermaid or Graphviz, or as a picture.

    SVG and PNG take Graphviz: from the extra `foliot[draw]`, or as `dot` on the PATH.

    `foliot definition render order.yaml --to order.svg --active packing`
    """
    from control_plane.cli.rendering import run_render

    run_render(file, form=form, to=to, active=active or [])


@definition.command()
@asks_a_server
def diff(
    target: Target,
    before: Annotated[
        str,
        typer.Argument(
            metavar="BEFORE",
            help="The definition as it was: a file, or a version on a server as order@3.",
            show_default=False,
        ),
    ],
    after: Annotated[
        str,
        typer.Argument(
            metavar="AFTER",
            help="The definition as it is to be, likewise.",
            show_default=False,
        ),
    ],
    output: Output = "table",
) -> None:
    """
    Say what has changed from one definition to another, and what that means for instances.

    Exits with 0 if nothing that an instance could notice has changed, with 1 if something has,
    and with 2 if one of the files is no definition. Spelling, key order and comments do not count.

    `foliot definition diff order@3 order.yaml`
    """
    from control_plane.cli.differing import run_diff

    run_diff(target, before, after, output)


@definition.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The document; `-` reads standard input.",
            allow_dash=True,
            show_default=False,
        ),
    ],
    form: Annotated[
        Form | None,
        typer.Option("--format", help="Told by the file's name, if not given."),
    ] = None,
    to: To = None,
    *,
    partial: Annotated[
        bool, typer.Option("--partial", help="Write what can be said, without the rest.")
    ] = False,
    whole_names: Annotated[
        bool,
        typer.Option(
            "--whole-names",
            help='SCXML: let `event="a"` answer `a` alone, and not `a.b` as well.',
        ),
    ] = False,
) -> None:
    """
    Make a definition of an SCXML document, or of XState's JSON config.

    What has no place in a definition is named with its line, and exits with 1.
    """
    from control_plane.cli.importing import form_of, run_import

    run_import(
        file,
        form=form_of(file, form),
        to=to,
        partial=partial,
        whole_names=whole_names,
    )


@definition.command()
@asks_a_server
def export(
    target: Target,
    source: Annotated[
        str,
        typer.Argument(
            metavar="DEFINITION",
            help="A file with it, `-` for standard input, or a version on a server as order@3.",
            show_default=False,
        ),
    ],
    form: Annotated[Form, typer.Option("--format", show_default=False)],
    to: To = None,
    *,
    partial: Annotated[
        bool, typer.Option("--partial", help="Write what can be said, without the rest.")
    ] = False,
) -> None:
    """
    Write a definition as SCXML, or as XState's JSON config.

    What the format cannot say is named with its JSON pointer, and exits with 1.
    """
    from control_plane.cli.exporting import run_export

    run_export(target, source, form=form, to=to, partial=partial)


@definition.command()
def schema() -> None:
    """
    Print the JSON Schema of definitions, by which editors complete and explain.

    Keep it in a file, and name that in the definition's `$schema` or in the editor's settings.
    """
    from control_plane.cli.printing_schema import run_schema

    run_schema()
