"""
YAML 1.2's core schema, as data that JSON can hold, with places.

Read event by event and without recursion, so that neither depth nor aliases can make more
of a small file than the limits here allow. Keys are always text, as they are written: `on`
and `5` too. There are no merge keys and no tags but `!!str`; that is YAML 1.1's, or Python's.
"""

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from shared.documents.document import Document, DocumentInvalid, Place, below
from shared.json import Json

MAX_VALUES = 100_000
"""Values of one document, those that aliases repeat counted as often as they are repeated."""

MAX_CHARACTERS = 4 * 1024 * 1024
"""Characters of its texts and keys, counted the same way."""

MAX_DEPTH = 128

INT_MIN, INT_MAX = -(2**63), 2**63 - 1

MAX_INTEGER_DIGITS = 70
"""Characters of an integer that are looked at: 64 bits in any base, and some zeros."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_STR_TAG = "tag:yaml.org,2002:str"
_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def read_yaml(text: str, name: str) -> Document:
    """The one document of a YAML text. Raises DocumentInvalid for what JSON could not hold."""
    return _Reader(name).read(text)


@dataclass(slots=True)
class _Part:
    """A value and what it counts for, wherever an alias repeats it."""

    value: Json
    values: int = 1
    characters: int = 0


@dataclass(slots=True)
class _Open:
    """A mapping or a sequence that has not ended yet."""

    part: _Part
    pointer: str
    anchor: str | None
    key: str | None = None
    keys: dict[str, Place] = field(default_factory=dict)


class _Reader:
    def __init__(self, name: str) -> None:
        self._name = name
        self._open: list[_Open] = []
        self._anchors: dict[str, _Part] = {}
        self._places: dict[str, Place] = {}
        self._root: _Part | None = None

    def read(self, text: str) -> Document:
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                self._take(event)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)
            said = ", ".join(part for part in (error.context, error.problem) if part)
            if mark is not None and text[mark.index : mark.index + 1] == "\t":
                said = "this is a tab, and YAML indents by spaces"
            raise DocumentInvalid(self._name, place, f"this is not YAML: {said}") from error
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise DocumentInvalid(
                self._name, Place(line, 1), "the text holds a character that YAML does not allow"
            ) from error
        if self._root is None:
            raise DocumentInvalid(self._name, Place(1, 1), "the file is empty")
        value = self._root.value
        written = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        try:
            written.encode()
        except UnicodeEncodeError as error:
            raise DocumentInvalid(
                self._name, Place(1, 1), "the text holds half a character (a lone surrogate)"
            ) from error
        return Document(self._name, value, written, self._places)

    def _take(self, event: Any) -> None:
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        match event:
            case yaml.ScalarEvent():
                self._scalar(event, place)
            case yaml.MappingStartEvent():
                self._begin({}, event, place)
            case yaml.SequenceStartEvent():
                self._begin([], event, place)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._end(place)
            case yaml.AliasEvent():
                part = self._anchors.get(event.anchor or "")
                if part is None:
                    raise self._invalid(place, f"there is no anchor &{event.anchor} before this")
                if self._key_is_next():
                    raise self._invalid(place, "a key must be a text, not an alias")
                self._add(part, place)
            case yaml.DocumentStartEvent() if self._root is not None:
                raise self._invalid(place, "the file holds more than one document; keep one a file")

    def _scalar(self, event: Any, place: Place) -> None:
        if event.tag not in (None, "!", _STR_TAG):
            raise self._invalid(place, f"the tag {event.tag} is not used here; leave it out")
        text: str = event.value
        if self._key_is_next():
            self._key(text, place, is_plain=event.style is None or not event.style)
            return
        is_text = event.tag is not None or not event.implicit[0]
        value = text if is_text else self._resolve(text, place)
        part = _Part(value, characters=len(text))
        if event.anchor is not None:
            self._anchors[event.anchor] = part
        self._add(part, place)

    def _key(self, key: str, place: Place, *, is_plain: bool) -> None:
        above = self._open[-1]
        if key == "<<" and is_plain:
            raise self._invalid(
                place, "merge keys (<<) are not part of YAML 1.2; write the members out"
            )
        first = above.keys.get(key)
        if first is not None:
            raise self._invalid(
                place,
                f"the key {key!r} stands twice in one object, first at {first}; keep one of them",
            )
        above.key = key
        above.keys[key] = place
        above.part.characters += len(key)
        self._places[below(above.pointer, key)] = place

    def _begin(self, value: Json, event: Any, place: Place) -> None:
        if self._key_is_next():
            raise self._invalid(place, "a key must be a text")
        if event.tag not in (None, "!"):
            raise self._invalid(place, f"the tag {event.tag} is not used here; leave it out")
        if len(self._open) >= MAX_DEPTH:
            raise self._invalid(place, f"the file is nested deeper than {MAX_DEPTH} levels")
        pointer = self._next_pointer()
        self._places.setdefault(pointer, place)
        self._open.append(_Open(_Part(value), pointer, event.anchor))

    def _end(self, place: Place) -> None:
        ended = self._open.pop()
        if ended.anchor is not None:
            self._anchors[ended.anchor] = ended.part
        self._add(ended.part, place, has_place=True)

    def _add(self, part: _Part, place: Place, *, has_place: bool = False) -> None:
        """Put a whole value where it belongs: into what is open, or at the top."""
        if not has_place:
            self._places.setdefault(self._next_pointer(), place)
        if not self._open:
            self._root = part
            return
        above = self._open[-1]
        above.part.values += part.values
        above.part.characters += part.characters
        if above.part.values > MAX_VALUES or above.part.characters > MAX_CHARACTERS:
            raise self._invalid(
                place,
                f"with what its aliases repeat, the file has more than {MAX_VALUES} values or"
                f" {MAX_CHARACTERS} characters",
            )
        container = above.part.value
        if isinstance(container, list):
            container.append(part.value)
        else:
            assert isinstance(container, dict)
            assert above.key is not None
            container[above.key] = part.value
            above.key = None

    def _resolve(self, text: str, place: Place) -> Json:
        """A plain scalar's value in YAML 1.2's core schema."""
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if _BASED.fullmatch(text):
            return self._integer(text, 0, place)
        if _INTEGER.fullmatch(text):
            return self._integer(text, 10, place)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isfinite(number):
                return number
            raise self._invalid(place, f"{text[:40]} does not fit into a double")
        if _NO_NUMBER.fullmatch(text):
            raise self._invalid(place, f"{text} is no JSON number; quote it if it is a text")
        return text

    def _integer(self, text: str, base: int, place: Place) -> int:
        # A text this long is out of range, and int() would take its time to say so.
        value = int(text, base) if len(text) <= MAX_INTEGER_DIGITS else INT_MAX + 1
        if not INT_MIN <= value <= INT_MAX:
            raise self._invalid(
                place, f"{text[:40]} does not fit into 64 bits; quote it if it is a text"
            )
        return value

    def _key_is_next(self) -> bool:
        return (
            bool(self._open)
            and isinstance(self._open[-1].part.value, dict)
            and self._open[-1].key is None
        )

    def _next_pointer(self) -> str:
        if not self._open:
            return ""
        above = self._open[-1]
        if isinstance(above.part.value, list):
            return below(above.pointer, len(above.part.value))
        return below(above.pointer, above.key or "")

    def _invalid(self, place: Place, message: str) -> DocumentInvalid:
        return DocumentInvalid(self._name, place, message)
