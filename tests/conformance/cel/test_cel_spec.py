"""
The language against the CEL specification's test vectors: every vector that fits JSON
either passes or is listed in `deviations.json` with the reason.
"""

import json
import math
from pathlib import Path
from typing import Any, Final

import pytest

from control_plane.engine.expressions import Budget, ExpressionError, compile_expression
from control_plane.engine.expressions.values import Value, stored_key
from tests.conformance.cel.vectors import CORE, EXTENSIONS, Vector, vectors, why_not

DEVIATIONS: Final[dict[str, str]] = json.loads(
    Path(__file__).with_name("deviations.json").read_text(encoding="utf-8")
)

CORE_FLOOR: Final = 740
EXTENSIONS_FLOOR: Final = 200
"""Of the package's version 0.6.1, 760 vectors of the core fit and 741 agree; of extensions 203."""

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")

VECTORS: Final = [vector for vector in vectors() if vector.outside is None]


class TestTheLanguage:
    @pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
    def test_agrees_with_the_specification_or_says_why_not(self, vector: Vector) -> None:
        """A deviation that was mended must leave the list, so that the list stays true."""
        outcome = run(vector)

        assert (vector.name not in DEVIATIONS) == agrees(vector, outcome), outcome

    def test_lists_no_deviation_that_is_no_vector(self) -> None:
        """A vector that went away or changed its name takes its deviation with it."""
        known = {vector.name for vector in VECTORS}

        assert set() == set(DEVIATIONS) - known

    def test_is_held_to_enough_of_the_specification(self) -> None:
        """A filter that is too broad would make this suite pass by running nothing."""
        agreed = [vector.section for vector in VECTORS if vector.name not in DEVIATIONS]

        assert sum(section in CORE for section in agreed) >= CORE_FLOOR
        assert sum(section in EXTENSIONS for section in agreed) >= EXTENSIONS_FLOOR


def run(vector: Vector) -> Value:
    """The value before it becomes JSON, or the error."""
    bindings = vector.original.get("bindings", {})
    scope = {name: value_of(bound["value"]) for name, bound in bindings.items()}
    try:
        return compile_expression(vector.text, vector.names)._run(scope, Budget())
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
