"""
A document that was read: its value, its JSON text, and where each part of it is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.errors import InvalidRequest
from shared.json import Json


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file, as editors count: the first character is line 1, column 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


START = Place(1, 1)


class DocumentInvalid(InvalidRequest):
    """A file that cannot be taken as it is; the message begins with file:line:column."""

    def __init__(self, name: str, place: Place, message: str) -> None:
        super().__init__(f"{name}:{place}: {message}")
        self.name = name
        self.place = place
        self.problem = message


@dataclass(frozen=True, slots=True)
class Document:
    """
    `text` is JSON with the keys in the file's order: of a JSON file its own text, of a YAML
    file compact text without its comments. `places` are by JSON pointer (RFC 6901), of an
    object's member that of its key; what an alias stands for has none of its own.
    """

    name: str
    value: Json
    text: str
    places: Mapping[str, Place] = field(default_factory=dict)

    def place_of(self, pointer: str) -> Place:
        """Where a part is written, or the nearest thing around it that is written at all."""
        while pointer:
            found = self.places.get(pointer)
            if found is not None:
                return found
            pointer = pointer.rpartition("/")[0]
        return self.places.get("", START)

    def invalid(self, pointer: str, message: str) -> DocumentInvalid:
        """The error that says what is wrong at a place of this document."""
        return DocumentInvalid(self.name, self.place_of(pointer), message)


def below(pointer: str, key: str | int) -> str:
    """The pointer one step further down."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
