"""A vector held against the language."""

import json
import math
from pathlib import Path
from typing import Any, Final

from control_plane.engine.expressions import Budget, ExpressionError, compile_expression
from control_plane.engine.expressions.values import Value, stored_key
from tests.conformance.cel.vectors import Vector

REASONS: Final[dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("deviations.json").read_text(encoding="utf-8")
)
"""Why the language deviates from the specification, and in which vectors."""

DEVIATIONS: Final = {name: reason for reason, names in REASONS.items() for name in names}


def run(vector: Vector) -> Value:
    """The value before it becomes JSON, or the error."""
    bindings = vector.original.get("bindings", {})
    scope = {name: value_of(bound["value"]) for name, bound in bindings.items()}
    try:
        return compile_expression(vector.text, vector.names).run(scope, Budget())
    except ExpressionError as error:
        return error


def agrees(vector: Vector, outcome: Value) -> bool:
    """Whether the outcome is what the vector wants; true is wanted where it wants nothing."""
    original = vector.original
    if "evalError" in original:
        return isinstance(outcome, ExpressionError)
    return same(value_of(original.get("value", {"boolValue": True})), outcome)


def same(wanted: Value, found: Value) -> bool:
    """Equal, and of the same types throughout; NaN is the same as NaN."""
    if wanted.__class__ is not found.__class__:
        return False
    if isinstance(wanted, float):
        return wanted == found or (math.isnan(wanted) and math.isnan(found))
    if isinstance(wanted, list):
        return len(wanted) == len(found) and all(map(same, wanted, found))
    if isinstance(wanted, dict):
        return wanted.keys() == found.keys() and all(same(wanted[key], found[key]) for key in found)
    return bool(wanted == found)


def value_of(written: dict[str, Any]) -> Value:
    """A value in protobuf's JSON form."""
    ((kind, value),) = written.items()
    match kind:
        case "int64Value":
            return int(value)
        case "doubleValue":
            return float(value)
        case "listValue":
            return [value_of(item) for item in value.get("values", ())]
        case "mapValue":
            return {
                stored_key(value_of(entry["key"])): value_of(entry["value"])
                for entry in value.get("entries", ())
            }
        case "boolValue" | "stringValue" | "nullValue":
            return value
    raise AssertionError(f"{kind} does not fit JSON; exclude it in vectors.py")
