"""
What came of reading or writing another format: what could be said, and what could not.
"""

from dataclasses import dataclass
from typing import Any

from shared.errors import InvalidRequest

MAX_NAMED = 1_000
"""How many parts of one document are named; a document that is this far off is another format."""


class DocumentUnreadable(InvalidRequest):
    """The text is no document of the format at all; the message says where, and what to do."""

    reason = "FIELD_INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """
    A part of a document that has no place in a definition, or means something else there.

    `what` is the element or attribute as it is written; `place` is `line 12` in XML and a
    JSON pointer in JSON.
    """

    what: str
    place: str
    why: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """
    A spec, and what of the document is not in it.

    `refused` was left out. `differs` was taken over, and a corner of it behaves otherwise than
    it would have in its own format.
    """

    spec: dict[str, Any]
    refused: tuple[Refused, ...] = ()
    differs: tuple[Refused, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A part of a spec that the other format cannot say, or says with another meaning."""

    json_pointer: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A document, and what of the spec is not in it."""

    text: str
    left_out: tuple[LeftOut, ...] = ()
