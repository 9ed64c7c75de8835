"""
`foliot schedule`: start instances by the calendar.

The commands talk to a control plane: the `foliot dev` of this directory, or another one. `preview`
needs none.
"""

from typing import Annotated, Literal

import typer

from control_plane.cli.completing import definition_keys, schedule_ids
from control_plane.cli.options import (
    DEFAULT_LIMIT,
    All,
    Input,
    Labels,
    Limit,
    Output,
    Target,
    Yes,
    asks_a_server,
)

schedule = typer.Typer(
    name="schedule",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Start instances by the calendar: cron expressions in time zones.",
)

Name = Annotated[
    str,
    typer.Argument(
        metavar="SCHEDULE",
        help="The schedule's id.",
        show_default=False,
        autocompletion=schedule_ids,
    ),
]
Zone = Annotated[
    str, typer.Option("--time-zone", "-z", help="Whose clock: an IANA name, as Europe/Berlin.")
]
Overlap = Literal["skip", "buffer_one", "allow", "cancel_other", "terminate_other"]
OVERLAP = typer.Option("--overlap", help="What to do when an instance of it still runs.")
CATCH_UP = typer.Option(
    "--catch-up", help="How old a missed time may be to be caught up with, as PT6H."
)
JITTER = typer.Option("--jitter", help="How much later a start may come, left to chance, as PT5M.")


@schedule.command()
@asks_a_server
def create(
    target: Target,
    name: Name,
    cron: Annotated[
        str, typer.Option(help="When: five fields, as '0 9 * * MON-FRI'.", show_default=False)
    ],
    definition: Annotated[
        str,
        typer.Option(
            "--definition", "-d", autocompletion=definition_keys, help="What: a definition's key."
        ),
    ],
    time_zone: Zone = "UTC",
    given: Input = "{}",
    label: Labels = None,
    overlap: Annotated[Overlap, OVERLAP] = "skip",
    catch_up: Annotated[str, CATCH_UP] = "P1D",
    jitter: Annotated[str, JITTER] = "PT0S",
    description: Annotated[str, typer.Option(help="For people.")] = "",
    output: Output = "table",
    *,
    paused: Annotated[bool, typer.Option("--paused", help="Let it start nothing yet.")] = False,
) -> None:
    """
    Keep a schedule, which from then on starts instances by itself.

    `foliot schedule create nightly --cron '30 2 * * *' -z Europe/Berlin -d report -i '{of: sales}'`
    """
    from control_plane.cli.scheduling import run_create

    run_create(
        target,
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


@schedule.command()
@asks_a_server
def update(
    target: Target,
    name: Name,
    cron: Annotated[
        str | None,
        typer.Option(help="When: five fields, as '0 9 * * MON-FRI'.", show_default=False),
    ] = None,
    definition: Annotated[
        str | None,
        typer.Option(
            "--definition",
            "-d",
            autocompletion=definition_keys,
            help="What: a definition's key.",
            show_default=False,
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option("--time-zone", "-z", help="Whose clock: an IANA name.", show_default=False),
    ] = None,
    given: Annotated[
        str | None,
        typer.Option(
            "--input",
            "-i",
            metavar="JSON",
            help="The input, an object: JSON or YAML, `@file`, or `-` for standard input.",
            show_default=False,
        ),
    ] = None,
    label: Labels = None,
    overlap: Annotated[Overlap | None, OVERLAP] = None,
    catch_up: Annotated[str | None, CATCH_UP] = None,
    jitter: Annotated[str | None, JITTER] = None,
    description: Annotated[str | None, typer.Option(help="For people.")] = None,
    output: Output = "table",
) -> None:
    """
    Change a schedule: what is given takes the place of what was, the rest stays as it is.

    With `--label`, all labels are those that are given. What somebody else has changed
    meanwhile is not overwritten.

    `foliot schedule update nightly --cron '0 4 * * *'`
    """
    from control_plane.cli.scheduling import run_update

    run_update(
        target,
        name,
        cron=cron,
        definition=definition,
        time_zone=time_zone,
        given=given,
        labels=label,
        overlap=overlap,
        catch_up=catch_up,
        jitter=jitter,
        description=description,
        output=output,
    )


@schedule.command("list")
@asks_a_server
def list_(
    target: Target,
    definition: Annotated[
        str,
        typer.Option(
            "--definition",
            "-d",
            autocompletion=definition_keys,
            help="Only of this key.",
            show_default="all",
        ),
    ] = "",
    limit: Limit = DEFAULT_LIMIT,
    output: Output = "table",
    *,
    every: All = False,
) -> None:
    """List the schedules of the tenant."""
    from control_plane.cli.scheduling import run_list

    run_list(target, definition, None if every else limit, output)


@schedule.command()
@asks_a_server
def get(
    target: Target,
    name: Name,
    output: Output = "table",
) -> None:
    """Show a schedule, and what came of its last time."""
    from control_plane.cli.scheduling import run_get

    run_get(target, name, output)


@schedule.command()
@asks_a_server
def pause(
    target: Target,
    name: Name,
    reason: Annotated[str, typer.Option(help="For people.", show_default=False)] = "",
    output: Output = "table",
) -> None:
    """Let a schedule rest. What runs, runs on."""
    from control_plane.cli.scheduling import run_pause

    run_pause(target, name, reason, output)


@schedule.command()
@asks_a_server
def resume(
    target: Target,
    name: Name,
    output: Output = "table",
) -> None:
    """Let a paused schedule go on, with its next time after now."""
    from control_plane.cli.scheduling import run_resume

    run_resume(target, name, output)


@schedule.command()
@asks_a_server
def trigger(
    target: Target,
    name: Name,
    output: Output = "table",
    *,
    allow_overlap: Annotated[
        bool, typer.Option("--allow-overlap", help="Also beside an instance that runs.")
    ] = False,
) -> None:
    """Start an instance of a schedule now, and print its id."""
    from control_plane.cli.scheduling import run_trigger

    run_trigger(target, name, allow_overlap=allow_overlap, output=output)


@schedule.command()
@asks_a_server
def delete(target: Target, name: Name, *, yes: Yes = False) -> None:
    """Forget a schedule. What it has started runs on."""
    from control_plane.cli.scheduling import run_delete

    run_delete(target, name, yes=yes)


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
