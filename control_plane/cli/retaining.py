"""What the commands of `foliot retention` do."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from foliot.v1 import admin_service_pb2, retention_pb2
from rich.text import Text

from control_plane.bootstrap import removing
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import FAILED, explained
from control_plane.cli.options import Target
from control_plane.cli.printing import Column, aside, print_json, print_line, print_rows
from control_plane.engine.durations import parse_duration, write_duration
from control_plane.use_cases.remove_past import Gone
from shared.errors import InvalidRequest

FOREVER = "forever"


def run_set(target: Target, keep: str, *, definition: str, discards: bool, output: str) -> None:
    request = admin_service_pb2.SetRetentionRequest(definition_key=definition, discards=discards)
    with explained():
        length = _length(keep)
        if length is not None:
            request.retention_window.FromTimedelta(length)

    async def ask(to: Caller) -> retention_pb2.Retention:
        return (await to.admin.SetRetention(request, metadata=to.metadata)).retention

    _show([call(target, ask)], output)


def run_list(target: Target, output: str) -> None:
    async def ask(to: Caller) -> Sequence[retention_pb2.Retention]:
        request = admin_service_pb2.GetRetentionRequest()
        return list((await to.admin.GetRetention(request, metadata=to.metadata)).retentions)

    _show(call(target, ask), output)


def run_remove(target: Target, definition: str) -> None:
    async def ask(to: Caller) -> bool:
        request = admin_service_pb2.RemoveRetentionRequest(definition_key=definition)
        return (await to.admin.RemoveRetention(request, metadata=to.metadata)).removed

    if not call(target, ask):
        aside().print(Text("there was no such retention", "yellow"))


def run_now(database_url: str, archive_dir: Path | None) -> None:
    console = aside()
    removed = kept_back = broken = 0

    def count(gone: Gone) -> None:
        nonlocal removed, kept_back, broken
        removed += gone.removed
        kept_back += gone.kept_back
        broken += len(gone.broken)

    async def remove() -> bool:
        async with removing(database_url, archive_dir) as retention:
            return await retention.remove_all(asyncio.Event(), count)

    with explained(), console.status("Removing …"):
        is_done = asyncio.run(remove())
    if not is_done:
        console.print(Text("a server is removing at this moment; try again later", "yellow"))
    if kept_back:
        console.print(
            Text(f"{kept_back} instances stay: give --archive-dir to archive them", "yellow")
        )
    if broken:
        console.print(Text(f"{broken} instances stay: they are not whole; see the log", "red"))
    print_line(f"{removed} instances removed")
    if not is_done or broken:
        sys.exit(FAILED)


def _length(text: str) -> timedelta | None:
    if text == FOREVER:
        return None
    length = parse_duration(text)
    if length is None or length.months:
        raise InvalidRequest(
            f"{text!r} is no length of time; write P90D, PT12H or {FOREVER}",
            field="retention_window",
        )
    return length.exact


def _show(retentions: Sequence[retention_pb2.Retention], output: str) -> None:
    if output == "json":
        print_json(retentions)
        return
    print_rows(
        retentions,
        [
            Column(
                name="definition", of=lambda one: one.definition_key or Text("all others", "dim")
            ),
            Column(name="kept for", of=_window),
            Column(name="then", of=_then),
        ],
    )


def _window(one: retention_pb2.Retention) -> str:
    if not one.HasField("retention_window"):
        return "ever"
    return write_duration(one.retention_window.ToTimedelta())


def _then(one: retention_pb2.Retention) -> str:
    if not one.HasField("retention_window"):
        return ""
    return "removed" if one.discards else "archived and removed"
