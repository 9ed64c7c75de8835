"""Which type an expression has, where the operators alone tell."""

from typing import Final

from control_plane.engine.expressions.code import Code

_SUMS: Final = {
    ("int", "int"): "int",
    ("int", "double"): "double",
    ("double", "int"): "double",
    ("double", "double"): "double",
}
_OTHERS: Final = {
    ("+", "string", "string"): "string",
    ("+", "list", "list"): "list",
    ("+", "timestamp", "duration"): "timestamp",
    ("+", "duration", "timestamp"): "timestamp",
    ("+", "duration", "duration"): "duration",
    ("-", "timestamp", "duration"): "timestamp",
    ("-", "timestamp", "timestamp"): "duration",
    ("-", "duration", "duration"): "duration",
}


def arithmetic_kind(symbol: str, left: str | None, right: str | None) -> str | None:
    """None where it depends on the scope, or where there is no such operation."""
    if left is None or right is None:
        return None
    if symbol == "%":
        return "int" if left == right == "int" else None
    return _SUMS.get((left, right)) or _OTHERS.get((symbol, left, right))


def common_kind(one: Code, other: Code) -> str | None:
    """Of two values of which either may be chosen."""
    return one.kind if one.kind == other.kind else None
