"""What is typed on a command line, as what a request has."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from foliot.v1.json_pb2 import Json as JsonMessage
from google.protobuf.duration_pb2 import Duration

from shared.documents import Document, read_document
from shared.errors import InvalidRequest

STANDARD_INPUT = "-"
FILE = "@"


def json_given(text: str, name: str) -> JsonMessage:
    """
    JSON or YAML: inline, `@file`, or `-` for standard input. `name` is the option's, for
    messages. Raises InvalidRequest with the place for what is neither.
    """
    return JsonMessage(json=_document(text, name).text)


def object_given(text: str, name: str) -> JsonMessage:
    """The same for what has to be an object."""
    document = _document(text, name)
    if not isinstance(document.value, dict):
        raise document.invalid("", 'give an object, such as \'{"of": "sales"}\'')
    return JsonMessage(json=document.text)


def labels_given(given: Sequence[str], option: str = "--label") -> dict[str, str]:
    """Of `name=value` each."""
    labels = {}
    for one in given:
        name, is_given, value = one.partition("=")
        if not is_given:
            raise InvalidRequest(f"{option} {one!r}: give a name and a value, as team=ops")
        labels[name] = value
    return labels


def length_given(text: str, name: str) -> timedelta:
    """An ISO 8601 length of days and less."""
    # The engine takes a while to import.
    from control_plane.engine.durations import parse_duration

    length = parse_duration(text)
    if length is None or length.months:
        raise InvalidRequest(f"{name} {text!r} is no length; give one as PT90S, PT6H or P1D")
    return length.exact


def duration_given(text: str, name: str) -> Duration:
    found = Duration()
    found.FromTimedelta(length_given(text, name))
    return found


def instant_given(text: str, name: str) -> datetime:
    """In UTC unless it says else."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(
            f"{name} {text!r} is no time; give one as 2026-03-28T00:00:00Z"
        ) from None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def filter_of(given: str, fields: Mapping[str, str], words: Mapping[str, str] | None = None) -> str:
    """
    A filter of the API: what was typed as one, and a term for each field that has a value.
    `fields` are texts, `words` the values of enums.
    """
    terms = [given] if given else []
    terms += [
        f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in fields.items()
        if value
    ]
    terms += [f"{name} = {value.upper()}" for name, value in (words or {}).items() if value]
    return " AND ".join(terms)


def _document(text: str, name: str) -> Document:
    if text == STANDARD_INPUT:
        return read_document(sys.stdin.buffer.read(), "<stdin>")
    if text.startswith(FILE):
        file = Path(text.removeprefix(FILE))
        try:
            return read_document(file.read_bytes(), str(file))
        except OSError as error:
            raise InvalidRequest(f"{name} {file}: {error.strerror or error}") from error
    return read_document(text.encode(), name)
