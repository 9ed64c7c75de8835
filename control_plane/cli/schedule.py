"""
`foliot schedule`: start instances by the calendar.

The commands talk to a control plane: the `foliot dev` of this directory, or another one. `preview`
needs none.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

schedule = typer.Typer(
    name="schedule",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Start instances by the calendar: cron expressions in time zones.",
)

Name = Annotated[
    str, typer.Argument(metavar="SCHEDULE", help="The schedule's id.", show_default=False)
]
Zone = Annotated[
    str, typer.Option("--time-zone", "-z", help="Whose clock: an IANA name, as Europe/Berlin.")
]
Output = Annotated[Literal["table", "json"], typer.Option(help="For reading, or for programs.")]
Address = Annotated[
    str,
    typer.Option(
        envvar="FOLIOT_CONTROL_PLANE",
        help="The control plane's address.",
        show_default=False,
    ),
]
Key = Annotated[
    str,
    typer.Option(
        envvar="FOLIOT_KEY",
        help="The API key of a tenant. Not set takes that of the `foliot dev` that runs here.",
        show_default=False,
    ),
]
DataDir = Annotated[
    Path,
    typer.Option("--data-dir", envvar="FOLIOT_DATA_DIR", help="Where that `foliot dev` runs."),
]
DEFAULT_DATA_DIR = Path(".foliot")


@schedule.command()
def create(
    name: Name,
    cron: Annotated[
        str, typer.Option(help="When: five fields, as '0 9 * * MON-FRI'.", show_default=False)
    ],
    definition: Annotated[
        str, typer.Option("--definition", "-d", help="What: a definition's key.")
    ],
    time_zone: Zone = "UTC",
    given: Annotated[
        str, typer.Option("--input", "-i", help="The input, an object as JSON or YAML.")
    ] = "{}",
    label: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", metavar="NAME=VALUE", help="Put on instances. Repeatable."),
    ] = None,
    overlap: Annotated[
        Literal["skip", "buffer_one", "allow", "cancel_other", "terminate_other"],
        typer.Option(help="What to do when an instance of it still runs."),
    ] = "skip",
    catch_up: Annotated[
        str, typer.Option(help="How old a missed time may be to be caught up with, as PT6H.")
    ] = "P1D",
    jitter: Annotated[
        str, typer.Option(help="How much later a start may come, left to chance, as PT5M.")
    ] = "PT0S",
    description: Annotated[str, typer.Option(help="For people.")] = "",
    output: Output = "table",
    address: Address = "",
    key: Key = "",
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    paused: Annotated[bool, typer.Option("--paused", help="Let it start nothing yet.")] = False,
) -> None:
    """
    Keep a schedule, which from then on starts instances by itself.

    `foliot schedule create nightly --cron '30 2 * * *' -z Europe/Berlin -d report -i '{of: sales}'`
    """
    from control_plane.cli.calling import Target
    from control_plane.cli.scheduling import run_create

    run_create(
        Target(address=address, key=key, data_dir=data_dir),
        name,
        cron=cron,
        definition=definition,
        time_zone=time_zone,
        given=given,
        labels=label or [],
        overlap=overlap,
        catch_up=catch_up,
        jitter=jitter,
        description=description,
        paused=paused,
        output=output,
    )


@schedule.command("list")
def list_(
    definition: Annotated[
        str, typer.Option("--definition", "-d", help="Only of this key.", show_default="all")
    ] = "",
    output: Output = "table",
    address: Address = "",
    key: Key = "",
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """List the schedules of the tenant."""
    from control_plane.cli.calling import Target
    from control_plane.cli.scheduling import run_list

    run_list(Target(address=address, key=key, data_dir=data_dir), definition, output)


@schedule.command()
def get(
    name: Name,
    output: Output = "table",
    address: Address = "",
    key: Key = "",
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Show a schedule, and what came of its last time."""
    from control_plane.cli.calling import Target
    from control_plane.cli.scheduling import run_get

    run_get(Target(address=address, key=key, data_dir=data_dir), name, output)


@schedule.command()
def pause(
    name: Name,
    reason: Annotated[str, typer.Option(help="For people.", show_default=False)] = "",
    output: Output = "table",
    address: Address = "",
    key: Key = "",
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Let a schedule rest. What runs, runs on."""
    from control_plane.cli.calling import Target
    from control_plane.cli.scheduling import run_pause

    run_pause(Target(address=address, key=key, data_dir=data_dir), name, reason, output)


@schedule.command()
def resume(
    name: Name,
    output: Output = "table",
    address: Address = "",
    key: Key = "",
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Let a paused schedule go on, with its next time after now."""
    from control_plane.cli.calling import Target
    from control_plane.cli.scheduling import run_resume

    run_resume(Target(address=address, key=key, data_dir=data_dir), name, output)


@schedule.command()
def trigger(
    name: Name,
    output: Output = "table",
    address: Address = "",
    key: Key = "",
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    allow_overlap: Annotated[
        bool, typer.Option("--allow-overlap", help="Also beside an instance that runs.")
    ] = False,
) -> None:
    """Start an instance of a schedule now, and print its id."""
    from control_plane.cli.calling import Target
    from control_plane.cli.scheduling import run_trigger

    target = Target(address=address, key=key, data_dir=data_dir)
    run_trigger(target, name, allow_overlap=allow_overlap, output=output)


@schedule.command()
def delete(
    name: Name,
    address: Address = "",
    key: Key = "",
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Forget a schedule. What it has started runs on."""
    from control_plane.cli.calling import Target
    from control_plane.cli.scheduling import run_delete

    run_delete(Target(address=address, key=key, data_dir=data_dir), name)


@schedule.command()
def preview(
    cron: Annotated[
        str,
        typer.Argument(
            metavar="CRON", help="When: five fields, as '0 9 * * MON-FRI'.", show_default=False
        ),
    ],
    time_zone: Zone = "UTC",
    after: Annotated[
        str,
        typer.Option(help="The time to begin after, as 2026-03-28T00:00:00Z.", show_default="now"),
    ] = "",
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=100)] = 5,
    output: Output = "table",
) -> None:
    """
    Say when a schedule would start instances, without a server.

    `foliot schedule preview '30 2 * * *' -z Europe/Berlin --after 2026-03-28T00:00:00Z`
    """
    from control_plane.cli.scheduling import run_preview

    run_preview(cron, time_zone=time_zone, after=after, count=count, output=output)
