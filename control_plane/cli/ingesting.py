"""What `foliot event ingest` does: batches of a file's lines, and a result for each line."""

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from foliot.v1 import event_pb2, event_service_pb2
from foliot.v1.json_pb2 import Json as JsonMessage
from google.rpc import error_details_pb2
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from control_plane.cli.arguments import STANDARD_INPUT
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import FAILED, explained
from control_plane.cli.options import Target
from control_plane.cli.plain import visible
from control_plane.cli.printing import aside, print_facts, print_json
from shared.errors import InvalidRequest
from shared.rpc import MAX_REQUEST_BYTES

MAX_ITEMS = 200
"""In a batch; the server takes no more."""

MAX_BATCH_BYTES = MAX_REQUEST_BYTES * 3 // 4
"""With room for what is around the items."""

_KNOWN = {"event_id", "type", "payload", "definition_key", "business_key", "action"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file, by its number, and what it asks for."""

    number: int
    item: event_service_pb2.IngestItem
    size: int


@dataclass(slots=True)
class Counted:
    """What became of the lines so far."""

    started: int = 0
    delivered: int = 0
    repeated: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)

    @property
    def all(self) -> int:
        return self.started + self.delivered + self.repeated + len(self.refused)


def run_ingest(target: Target, file: str, output: str) -> None:
    """Exits with 1 if a line was refused; a line that is none ends it where it stands."""
    counted = Counted()
    shown = Progress(
        TextColumn("Ingesting …"),
        BarColumn(),
        TextColumn("{task.fields[lines]:,} lines"),
        TimeElapsedColumn(),
        console=aside(),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
    with explained(), _opened(file) as opened, shown:
        size = None if file == STANDARD_INPUT else Path(file).stat().st_size
        bar = shown.add_task("", total=size, lines=0)

        async def ask(to: Caller) -> None:
            for batch in _batches(opened, file):
                request = event_service_pb2.IngestEventsRequest(items=[one.item for one in batch])
                answer = await to.events.IngestEvents(request, metadata=to.metadata)
                for line, result in zip(batch, answer.results, strict=True):
                    _count(counted, line, result)
                shown.update(bar, advance=sum(one.size for one in batch), lines=counted.all)

        try:
            call(target, ask, within_s=None)
        except SystemExit:
            # What was taken in before is taken in for good.
            _tell(counted, output)
            raise
    _tell(counted, output)
    if counted.refused:
        sys.exit(FAILED)


def _count(counted: Counted, line: Line, result: event_service_pb2.IngestResult) -> None:
    if result.HasField("error"):
        info = error_details_pb2.ErrorInfo()
        reason = next((info.reason for one in result.error.details if one.Unpack(info)), "")
        message = result.error.message
        aside().print(f"line {line.number}: {reason}: {visible(message)}", soft_wrap=True)
        counted.refused.append({"line": line.number, "reason": reason, "message": message})
    elif result.accepted.duplicate:
        counted.repeated += 1
    elif result.accepted.created:
        counted.started += 1
    else:
        counted.delivered += 1


def _tell(counted: Counted, output: str) -> None:
    if output == "json":
        print_json(
            {
                "started": counted.started,
                "delivered": counted.delivered,
                "repeated": counted.repeated,
                "refused": counted.refused,
            }
        )
        return
    print_facts(
        {
            "instances started": str(counted.started),
            "events delivered": str(counted.delivered),
            "there before": str(counted.repeated),
            "refused": str(len(counted.refused)),
        }
    )


def _batches(opened: BinaryIO, name: str) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for number, text in enumerate(opened, start=1):
        if not text.strip():
            continue
        line = Line(number, _item(text, f"{_called(name)}:{number}"), len(text))
        if batch and (len(batch) == MAX_ITEMS or size + line.size > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += line.size
    if batch:
        yield batch


def _item(text: bytes, place: str) -> event_service_pb2.IngestItem:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise InvalidRequest(f"{place}: this line is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise InvalidRequest(f"{place}: give an object a line")
    if unknown := sorted(set(given) - _KNOWN):
        raise InvalidRequest(
            f"{place}: there is no {unknown[0]!r}; take {', '.join(sorted(_KNOWN))}"
        )
    action = str(given.pop("action", "correlate")).upper()
    if action not in {"START", "CORRELATE"}:
        raise InvalidRequest(f"{place}: the action is start or correlate")
    payload = given.pop("payload", {})
    wrong = [name for name, value in given.items() if not isinstance(value, str)]
    if wrong:
        raise InvalidRequest(f"{place}: {wrong[0]} is a text")
    return event_service_pb2.IngestItem(
        event=event_pb2.Event(
            event_id=given.get("event_id", ""),
            type=given.get("type", ""),
            payload=JsonMessage(json=json.dumps(payload, ensure_ascii=False)),
        ),
        definition_key=given.get("definition_key", ""),
        business_key=given.get("business_key", ""),
        action=event_service_pb2.IngestAction.Value(f"INGEST_ACTION_{action}"),
    )


def _called(name: str) -> str:
    return "<stdin>" if name == STANDARD_INPUT else name


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    if name == STANDARD_INPUT:
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise InvalidRequest(f"{name}: {error.strerror or error}") from error
