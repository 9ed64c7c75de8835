"""
What a piece of a machine does, as a value that is equal for pieces that do the same.

Where a piece stands, and what number it has there, is no part of it; states it names are,
by names that the caller gives them, so that pieces of two machines can be held together.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, TypeAlias

from control_plane.engine.actions import Call
from control_plane.engine.groups import Compensate
from control_plane.engine.guards import NamedGuard, StateIn
from control_plane.engine.templates import Computed, Constant

Shape: TypeAlias = Any
"""Nested tuples of texts, numbers and None: equal, and of equal hash, for what is alike."""

_PLACES = frozenset({"json_pointer", "index"})


class Shapes:
    """The shapes of one machine's pieces; `name_of` gives the name of a state's number."""

    def __init__(self, name_of: Callable[[int], str]) -> None:
        self._name_of = name_of
        self._bodies: dict[int, str] = {}

    def of(self, piece: object) -> Shape:
        match piece:
            case None | str():
                return piece
            case bool() | int() | float() | timedelta() | Enum():
                # 1, 1.0 and true are equal to Python, and not to an expression.
                return type(piece).__name__, piece
            case Computed():
                return "@expr", piece.text
            case Constant():
                return "value", self.of(piece.value)
            case NamedGuard():
                return "guard", piece.name, self.of(piece.params), self._body(piece.body.guard)
            case Call():
                return "action", piece.name, self.of(piece.params), self._body(piece.body.actions)
            case StateIn():
                return "@stateIn", tuple(sorted(self._name_of(one) for one in piece.states))
            case Compensate():
                return ("compensate",)
            case Mapping():
                return "object", tuple(sorted((key, self.of(piece[key])) for key in piece))
            case Sequence():
                return tuple(self.of(one) for one in piece)
            case frozenset():
                return "set", tuple(sorted(piece))
        if is_dataclass(piece):
            members = (one.name for one in fields(piece) if one.name not in _PLACES)
            return type(piece).__name__, tuple(self.of(getattr(piece, one)) for one in members)
        raise TypeError(f"a {type(piece).__name__} is no piece of a machine")

    def _body(self, body: object) -> str:
        """A named piece by its hash: names may lead to names, and each is gone through once."""
        known = self._bodies.get(id(body))
        if known is None:
            known = hashlib.sha256(repr(self.of(body)).encode()).hexdigest()
            self._bodies[id(body)] = known
        return known


def pieces_in(piece: object, seen: set[int] | None = None) -> Iterator[object]:
    """A piece and all that it is made of, what stands behind names included, each once."""
    seen = set() if seen is None else seen
    if isinstance(piece, str | int | float | None) or id(piece) in seen:
        return
    seen.add(id(piece))
    yield piece
    for one in _inside(piece):
        yield from pieces_in(one, seen)


def _inside(piece: object) -> Iterable[object]:
    match piece:
        case NamedGuard():
            return piece.params, piece.body.guard
        case Call():
            return piece.params, piece.body.actions
        case Computed() | Compensate() | StateIn() | Constant():
            return ()
        case Mapping():
            return piece.values()
        case Sequence():
            return piece
        case _ if is_dataclass(piece):
            return [getattr(piece, member.name) for member in fields(piece)]
        case _:
            return ()
