r"""
The `filter` and `order_by` of lists: a small, fixed part of AIP-160.

    filter  = term { "AND" term }
    term    = field operator value
    operator = "=" | ">=" | "<"
    value   = a bare word, or text in double quotes with \" and \\ for " and \

Which fields there are, what they hold and which operators they take is given by the list. One
that ends in ".*" stands for all that begin like it: labels.* for labels.region.
Whatever else is written is refused, with the place where reading stopped.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from shared.errors import InvalidRequest

MAX_FILTER = 1_000

Value: TypeAlias = str | int | datetime | UUID

Kind: TypeAlias = Literal["quoted", "op", "word"]
_KINDS: tuple[Kind, ...] = ("quoted", "op", "word")
_TOKEN = re.compile(
    r'\s*(?:(?P<quoted>"(?:[^"\\]|\\["\\])*")|(?P<op>>=|<=|!=|[=<>:])|(?P<word>[^\s"=<>!:][^\s"=<>!]*))'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What a field holds: one of `words`, or a value of a kind. `ranged` takes >= and <."""

    kind: Literal["word", "text", "time", "int", "uuid"]
    words: Sequence[str] = ()
    ranged: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    position: int
    kind: Kind

    @property
    def value(self) -> str:
        if self.kind != "quoted":
            return self.text
        return re.sub(r"\\(.)", r"\1", self.text[1:-1])


class Terms:
    """What a filter asks for, by field and operator."""

    def __init__(self, found: Mapping[tuple[str, str], Value]) -> None:
        self._found = found

    def text(self, field: str, operator: str = "=") -> str | None:
        value = self._found.get((field, operator))
        return value if isinstance(value, str) else None

    def integer(self, field: str, operator: str = "=") -> int | None:
        value = self._found.get((field, operator))
        return value if isinstance(value, int) else None

    def time(self, field: str, operator: str) -> datetime | None:
        value = self._found.get((field, operator))
        return value if isinstance(value, datetime) else None

    def beneath(self, field: str) -> Mapping[str, str]:
        """By name what is asked of the fields that `field`.* stands for."""
        return {
            name.removeprefix(f"{field}."): value
            for (name, operator), value in self._found.items()
            if name.startswith(f"{field}.") and operator == "=" and isinstance(value, str)
        }

    def uuid(self, field: str) -> UUID | None:
        value = self._found.get((field, "="))
        return value if isinstance(value, UUID) else None


def parse_filter(text: str, fields: Mapping[str, Field]) -> Terms:
    """Raises InvalidRequest with FILTER_INVALID, the position, and what is allowed."""
    if len(text) > MAX_FILTER:
        raise _invalid(f"it has {len(text)} characters; it may have {MAX_FILTER}", 0, fields)
    tokens = _tokens(text, fields)
    found: dict[tuple[str, str], Value] = {}
    index = 0
    while index < len(tokens):
        if found:
            joint = tokens[index]
            if joint.kind != "word" or joint.text != "AND":
                raise _invalid(f"{joint.text!r} where AND should be", joint.position, fields)
            index += 1
        index = _term(tokens, index, fields, found, len(text))
    return Terms(found)


def check_order(order_by: str, allowed: Sequence[str]) -> str:
    """The order asked for; the first of those allowed where none was."""
    chosen = " ".join(order_by.split()) or allowed[0]
    if chosen not in allowed:
        raise InvalidRequest(
            f"order_by {order_by!r} is not one this list has; it has"
            f" {' or '.join(repr(one) for one in allowed)}",
            field="order_by",
            reason="FILTER_INVALID",
            metadata={"allowed": ", ".join(allowed)},
        )
    return chosen


def _tokens(text: str, fields: Mapping[str, Field]) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            raise _invalid(f"{text[start]!r} cannot be read here", start, fields)
        kind = next(one for one in _KINDS if match[one] is not None)
        tokens.append(_Token(match[kind], match.start(kind), kind))
        position = match.end()
    return tokens


def _term(
    tokens: Sequence[_Token],
    index: int,
    fields: Mapping[str, Field],
    found: dict[tuple[str, str], Value],
    end: int,
) -> int:
    parts = tokens[index : index + 3]
    if len(parts) < 3:
        raise _invalid("it ends in the middle of a term: field = value", end, fields)
    name, operator, value = parts
    field = _field(name.text, fields) if name.kind == "word" else None
    if field is None:
        raise _invalid(f"there is no field {name.text!r} to filter by", name.position, fields)
    if operator.kind != "op" or operator.text not in _operators(field):
        raise _invalid(
            f"{name.text} takes {' '.join(_operators(field))}, not {operator.text!r}",
            operator.position,
            fields,
        )
    if value.kind == "op":
        raise _invalid(f"{value.text!r} where a value should be", value.position, fields)
    key = name.text, operator.text
    if key in found:
        raise _invalid(f"{name.text} {operator.text} is given twice", name.position, fields)
    found[key] = _value(field, name, value, fields)
    return index + 3


def _field(name: str, fields: Mapping[str, Field]) -> Field | None:
    family, dot, member = name.partition(".")
    return fields.get(f"{family}.*" if dot and member else name)


def _operators(field: Field) -> tuple[str, ...]:
    if field.kind == "time":
        return (">=", "<")
    return ("=", ">=", "<") if field.ranged else ("=",)


def _value(field: Field, name: _Token, token: _Token, fields: Mapping[str, Field]) -> Value:
    text = token.value
    match field.kind:
        case "text":
            if "\0" in text:
                raise _invalid("it holds a NUL character", token.position, fields)
            return text
        case "word":
            if text not in field.words:
                wanted = ", ".join(field.words)
                raise _invalid(f"{name.text} is one of {wanted}", token.position, fields)
            return text
        case "int":
            if not text.isascii() or not text.isdigit() or len(text) > 18:
                raise _invalid(f"{name.text} takes a whole number", token.position, fields)
            return int(text)
        case "uuid":
            try:
                return UUID(text)
            except ValueError:
                raise _invalid(f"{name.text} takes a UUID", token.position, fields) from None
        case "time":
            return _time(text, name, token, fields)


def _time(text: str, name: _Token, token: _Token, fields: Mapping[str, Field]) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise _invalid(
            f'{name.text} takes an RFC 3339 time in double quotes, as "2027-01-31T08:00:00Z"',
            token.position,
            fields,
        )
    return instant


def _invalid(why: str, position: int, fields: Mapping[str, Field]) -> InvalidRequest:
    return InvalidRequest(
        f"filter, at character {position + 1}: {why}; it has the form"
        f" 'field = value AND …' with {', '.join(fields)}",
        field="filter",
        reason="FILTER_INVALID",
        metadata={"position": str(position + 1), "allowed": ", ".join(fields)},
    )
