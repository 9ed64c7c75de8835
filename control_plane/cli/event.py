"""`foliot event`: what happened elsewhere, in; what happens here, out."""

from typing import Annotated

import typer

from control_plane.cli.options import Filter, Output, Target, asks_a_server

event = typer.Typer(
    name="event",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Take in events from elsewhere, and follow all that happens in the tenant.",
)


@event.command()
@asks_a_server
def ingest(
    target: Target,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="JSON lines; `-` reads standard input.", show_default=False
        ),
    ],
    output: Output = "table",
) -> None:
    """
    Take in events, one a line: each starts an instance, or goes to the one of its business key.

    A line is an object with `event_id`, `type`, `definition_key`, `business_key`, and where
    wanted `payload` and `action`: `correlate`, which is meant without it, or `start`.

    What cannot be taken in is told with its line, and the rest goes on; exits with 1 then.
    Safe to repeat: what was taken in before changes nothing.

    `foliot event ingest payments.jsonl`
    """
    from control_plane.cli.ingesting import run_ingest

    run_ingest(target, file, output)


@event.command()
@asks_a_server
def watch(
    target: Target,
    filter_: Filter = "",
    after: Annotated[
        str,
        typer.Option(
            "--after", help="Only what comes after this position.", show_default="from now on"
        ),
    ] = "",
    output: Output = "table",
    *,
    oldest: Annotated[
        bool, typer.Option("--oldest", help="Begin with the oldest that is still there.")
    ] = False,
) -> None:
    """
    Follow all that happens in the tenant, a line an entry, until Ctrl-C.

    Goes on by itself after a disconnect. With `--output json`, each line is a JSON object with
    the `position` to go on after.

    `foliot event watch -f 'definition_key = "order"'`
    """
    from control_plane.cli.watching import run_watch_events

    run_watch_events(target, given=filter_, after=after, oldest=oldest, output=output)
