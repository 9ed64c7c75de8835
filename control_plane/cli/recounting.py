"""What `foliot instance history` and `export` do."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from foliot.v1 import event_service_pb2, history_entry_pb2
from google.protobuf.message import Message

from control_plane.cli.calling import Caller, call
from control_plane.cli.entries import entry_columns
from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from control_plane.cli.paging import Paged, read_all, say_there_is_more
from control_plane.cli.printing import aside, json_line, print_json, print_rows
from shared.errors import InvalidRequest


def run_history(
    target: Target,
    instance_id: str,
    *,
    given: str,
    newest: bool,
    limit: int | None,
    output: str,
) -> None:
    async def ask(to: Caller) -> Paged[history_entry_pb2.HistoryEntry]:
        async def page(
            size: int, token: str
        ) -> tuple[Sequence[history_entry_pb2.HistoryEntry], str]:
            answer = await to.events.ListHistory(
                event_service_pb2.ListHistoryRequest(
                    instance_id=instance_id,
                    page_size=size,
                    page_token=token,
                    filter=given,
                    order_by="seq desc" if newest else "seq",
                ),
                metadata=to.metadata,
            )
            return answer.entries, answer.next_page_token

        return await read_all(page, limit)

    found = call(target, ask, within_s=None)
    if output == "json":
        print_json(found.rows)
        return
    print_rows(found.rows, entry_columns())
    say_there_is_more(found)


def run_export(target: Target, instance_id: str, *, to: Path | None) -> None:
    """A file is complete or, after a failure, not there."""
    with explained(), ExitStack() as stack:
        beside = None if to is None else to.with_name(f".{to.name}.part")
        out = sys.stdout if beside is None else stack.enter_context(_opened(beside))
        if beside is not None:
            stack.callback(beside.unlink, missing_ok=True)
        call(target, lambda caller: _export(caller, instance_id, out), within_s=None)
        if beside is not None and to is not None:
            out.flush()
            beside.replace(to)


async def _export(to: Caller, instance_id: str, out: TextIO) -> None:
    request = event_service_pb2.ExportHistoryRequest(instance_id=instance_id)
    written = 0

    def write(message: Message) -> None:
        out.write(json_line(message) + "\n")

    with aside().status("Exporting …") as status:
        stream = to.events.ExportHistory(request, metadata=to.metadata)
        async for message in stream:
            if message.HasField("instance"):
                write(message.instance)
            for entry in message.entries:
                write(entry)
            written += len(message.entries)
            status.update(f"Exporting … {written:,} entries")


def _opened(file: Path) -> TextIO:
    try:
        return file.open("w", encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{file.parent}: {error.strerror or error}") from error
