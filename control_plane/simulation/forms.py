"""
Reading what a person wrote, part by part: each complaint with its place, and with the word
that was probably meant.
"""

import difflib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from control_plane.engine.durations import Duration, parse_duration
from control_plane.engine.instants import read_instant
from shared.documents import Document
from shared.documents.document import below
from shared.json import Json

_KINDS: Mapping[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "nothing",
}


class Form:
    """One document while it is read. Every method raises DocumentInvalid for what is not so."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def invalid(self, pointer: str, message: str) -> Exception:
        return self.document.invalid(pointer, message)

    def object(
        self, pointer: str, value: Json, keys: Iterable[str] | None = None
    ) -> dict[str, Json]:
        """An object; with `keys`, one that has no others."""
        if not isinstance(value, dict):
            raise self._wrong(pointer, value, "an object")
        known = None if keys is None else list(keys)
        for key in value:
            if known is not None and key not in known:
                raise self.invalid(
                    below(pointer, key), f"there is no {key!r} here; {meant(key, known)}"
                )
        return value

    def items(self, pointer: str, value: Json) -> list[tuple[str, Json]]:
        """A list, each item with its pointer."""
        if not isinstance(value, list):
            raise self._wrong(pointer, value, "a list")
        return [(below(pointer, index), item) for index, item in enumerate(value)]

    def text(self, pointer: str, value: Json) -> str:
        if not isinstance(value, str):
            raise self._wrong(pointer, value, "a text")
        return value

    def boolean(self, pointer: str, value: Json) -> bool:
        if not isinstance(value, bool):
            raise self._wrong(pointer, value, "true or false")
        return value

    def number(self, pointer: str, value: Json) -> int:
        """A whole number."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(pointer, value, "a whole number")
        return value

    def one_of(self, pointer: str, value: Json, words: Iterable[str]) -> str:
        known = list(words)
        if value not in known:
            said = value if isinstance(value, str) else str(value)
            raise self.invalid(pointer, f"{said!r} is not known here; {meant(said, known)}")
        return str(value)

    def duration(self, pointer: str, value: Json) -> Duration:
        found = None if isinstance(value, bool) else parse_duration(value)
        if found is None:
            if isinstance(value, int | float) and not isinstance(value, bool):
                raise self.invalid(pointer, f"{value} is no number of milliseconds that can pass")
            raise self._wrong(pointer, value, "milliseconds or an ISO 8601 duration such as PT15M")
        return found

    def length(self, pointer: str, value: Json) -> timedelta:
        """A duration that is equally long at any time of the year."""
        found = self.duration(pointer, value)
        if found.months:
            raise self.invalid(pointer, "a month has no fixed length here; write it in days")
        return found.exact

    def instant(self, pointer: str, value: Json) -> datetime:
        found = read_instant(value) if isinstance(value, str) else None
        if found is None:
            raise self._wrong(pointer, value, "an RFC 3339 time such as 2026-01-31T12:00:00Z")
        return found

    def _wrong(self, pointer: str, value: Json, wanted: str) -> Exception:
        return self.invalid(pointer, f"this must be {wanted}, and is {_KINDS[type(value)]}")


def meant(word: str, known: list[str]) -> str:
    """The word that was probably meant, or those there are."""
    if not known:
        return "leave it out"
    close = difflib.get_close_matches(word[:100], known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"use one of: {', '.join(known[:20])}"
