"""How answers are printed: tables and facts for people, JSON for programs."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Generic, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from control_plane.cli.plain import visible

UNBOUNDED = 100_000
"""The width of what is read by no person: nothing is broken over lines."""

GAP = 2
"""Between two columns."""

LEAST_WIDTH = 12
"""Of a column that may be broken over lines; with less, the rows stand one below another."""

Row = TypeVar("Row")

_JSON = "foliot.v1.Json"
# An Any in a status can be written as JSON only if its type is known.
_KNOWN = (error_details_pb2.ErrorInfo,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[Row]):
    """What a table tells of each row. A `whole` one is never broken: an id, a time."""

    name: str
    of: Callable[[Row], str | Text]
    whole: bool = False


def console() -> Console:
    """On standard output: as wide as the terminal, and unbounded where it goes elsewhere."""
    is_seen = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_seen else UNBOUNDED, highlight=False, markup=False)


def aside() -> Console:
    """On standard error, for what must not get among the answer."""
    return Console(stderr=True, highlight=False, markup=False)


def print_rows(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> None:
    """
    A line a row, without the columns that are empty in all; where the lines would be too
    long for the terminal, a paragraph a row.
    """
    told = [[_text(column.of(row)) for column in columns] for row in rows]
    kept = [
        number
        for number in range(len(columns))
        if not told or any(row[number].plain for row in told)
    ]
    out = console()
    if told and _least_width(told, columns, kept) > out.width:
        for number, row in enumerate(told):
            if number:
                out.print()
            print_facts({columns[one].name: row[one] for one in kept}, out)
        return
    header = [Text(columns[one].name, "dim") for one in kept]
    lines = [header, *([row[one] for one in kept] for row in told)]
    widths = [max(cell_len(line[at].plain) for line in lines) for at in range(len(kept))]
    is_flat = not any("\n" in text.plain for line in lines for text in line)
    if is_flat and sum(widths) + GAP * len(widths) <= out.width:
        _print_lines(lines, widths, out)
        return
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="dim")
    for one in kept:
        table.add_column(columns[one].name, no_wrap=columns[one].whole, overflow="fold")
    for row in told:
        table.add_row(*(row[one] for one in kept))
    _print(table, out)


def print_facts(facts: Mapping[str, str | Text], out: Console | None = None) -> None:
    """A fact a line, without those that are empty."""
    table = Table.grid(padding=(0, GAP, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        text = _text(value)
        if text.plain:
            table.add_row(name, text)
    _print(table, out or console())


def _print_lines(lines: Iterable[Sequence[Text]], widths: Sequence[int], out: Console) -> None:
    """
    What needs no breaking is laid out here: of thousands of rows in a pipe, rich's own tables
    take seconds.
    """
    for line in lines:
        padded = Text()
        for text, width in zip(line, widths, strict=True):
            padded.append_text(text).append(" " * (width + GAP - cell_len(text.plain)))
        padded.rstrip()
        if out.color_system is None:
            out.file.write(f"{padded.plain}\n")
        else:
            out.print(padded, soft_wrap=True)


def _print(table: Table, out: Console) -> None:
    """Without the blanks that fill up its last column."""
    for line in out.render_lines(table, pad=False):
        segments = list(line)
        while segments and not segments[-1].text.strip():
            segments.pop()
        if segments:
            last = segments[-1]
            segments[-1] = Segment(last.text.rstrip(), last.style)
        out.print(Segments([*segments, Segment.line()]), end="", soft_wrap=True)


def print_line(line: str | Text) -> None:
    """One line, however long it is."""
    console().print(_text(line), soft_wrap=True)


def print_json(value: Message | Sequence[Message] | Any, *, in_a_line: bool = False) -> None:
    """
    As the API's own JSON (proto3), but that what the API carries as JSON text stands as what
    it says. In a line for one of many that follow one another.
    """
    text = (
        json_line(value) if in_a_line else json.dumps(as_data(value), indent=2, ensure_ascii=False)
    )
    print(text, flush=in_a_line)  # noqa: T201 - what it is asked for


def json_line(value: Any) -> str:
    """The same without line breaks."""
    return json.dumps(as_data(value), ensure_ascii=False)


def as_data(value: Message | Sequence[Message] | Any) -> Any:
    """What print_json writes."""
    if isinstance(value, Message):
        return _unwrapped(value.DESCRIPTOR, MessageToDict(value))
    if isinstance(value, list | tuple):
        return [as_data(one) for one in value]
    if isinstance(value, dict):
        return {name: as_data(one) for name, one in value.items()}
    return value


def local(at: Timestamp) -> str:
    """As the clock here shows it, with its zone. Empty for a time that is not set."""
    if not at.seconds and not at.nanos:
        return ""
    return f"{at.ToDatetime(tzinfo=UTC).astimezone():%Y-%m-%d %H:%M:%S %Z}"


def word(enum: Any, value: int) -> str:
    """A value of an enum without the prefix that all of its values have."""
    unset: str = enum.Name(0)
    return str(enum.Name(value)).removeprefix(unset.removesuffix("UNSPECIFIED"))


def joined(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))


def _text(value: str | Text) -> Text:
    return value if isinstance(value, Text) else Text(visible(value))


def _least_width(
    told: Sequence[Sequence[Text]], columns: Sequence[Column[Row]], kept: Iterable[int]
) -> int:
    width = 0
    for one in kept:
        longest = max(cell_len(row[one].plain) for row in told)
        if not columns[one].whole:
            longest = min(longest, LEAST_WIDTH)
        width += max(longest, cell_len(columns[one].name)) + GAP
    return width


def _unwrapped(descriptor: Any, data: Any) -> Any:
    """The data of a message, with each Json in it as what its text says."""
    if not isinstance(data, dict):
        # A well-known type, as a Timestamp, has a form of its own.
        return data
    if descriptor.full_name == _JSON:
        return json.loads(data["json"]) if data.get("json") else None
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_MESSAGE and field.json_name in data:
            data[field.json_name] = _unwrapped_field(field, data[field.json_name])
    return data


def _unwrapped_field(field: Any, value: Any) -> Any:
    inner = field.message_type
    if inner.GetOptions().map_entry:
        of = inner.fields_by_name["value"].message_type
        return value if of is None else {name: _unwrapped(of, one) for name, one in value.items()}
    if isinstance(value, list):
        return [_unwrapped(inner, one) for one in value]
    return _unwrapped(inner, value)
