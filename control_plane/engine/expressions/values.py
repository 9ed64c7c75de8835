"""What expressions compute with: JSON, and two kinds of time that JSON writes as strings."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

Json: TypeAlias = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""What goes in and what comes out."""

Value: TypeAlias = Any
"""Json, Timestamp or Duration. A map may have int and bool keys while inside an expression."""

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1


# Tuples, as Python compares those without running Python: a list of times is searched as
# fast as one of numbers.


class Timestamp(NamedTuple):
    """A moment, in nanoseconds since 1970 in UTC; years 1 to 9999."""

    ns: int


class Duration(NamedTuple):
    """A length of time, in nanoseconds; 64 bits of them, which is 292 years either way."""

    ns: int


@dataclass(frozen=True, slots=True)
class BoolKey:
    """A bool as a map's key: Python takes True and 1 for the same key, CEL does not."""

    value: bool


TRUE_KEY: Final = BoolKey(value=True)
FALSE_KEY: Final = BoolKey(value=False)

KINDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    list: "list",
    dict: "map",
    Timestamp: "timestamp",
    Duration: "duration",
    BoolKey: "bool",
}


def kind_of(value: Value) -> str:
    """The type's name in the language."""
    return KINDS.get(value.__class__, "unknown")


def stored_key(value: Value) -> Value:
    """How a map stores this key, or finds it; None if no map has such a key."""
    kind = value.__class__
    if kind is str or kind is int:
        return value
    if kind is bool:
        return TRUE_KEY if value else FALSE_KEY
    if kind is float and value.is_integer():
        return int(value)
    return None


def keys_of(mapping: dict[Value, Value]) -> Iterator[Value]:
    """
    The keys of a map as values of the language, sorted by kind and value.

    Not in the map's own order: what is stored has its keys sorted, so a decision must not
    depend on the order they once had.
    """
    # Nearly always all of them are texts, and ranks would cost more than the sorting.
    if {*map(type, mapping)} <= {str}:
        return iter(sorted(mapping))
    keys = (key.value if key.__class__ is BoolKey else key for key in mapping)
    return iter(sorted(keys, key=_rank))


def _rank(key: Value) -> tuple[str, Value]:
    return key.__class__.__name__, key
