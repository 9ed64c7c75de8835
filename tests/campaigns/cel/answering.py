"""The language's own answer, written as the runtime's process writes its answers."""

import json
import math
from typing import Any, Final

from control_plane.engine.expressions import Budget, ExpressionError, compile_expression
from control_plane.engine.expressions.values import BoolKey, Duration, Timestamp, Value
from tests.campaigns.cel.material import CONTEXT

NAMES: Final = frozenset({"context"})
MICROSECOND: Final = 1_000
"""In nanoseconds. The other runtime's binding knows nothing smaller."""


def answer(text: str) -> Any:
    """The value before it becomes JSON, or the error."""
    try:
        value = compile_expression(text, NAMES).run({"context": CONTEXT}, Budget())
    except ExpressionError as error:
        return {"error": str(error)}
    return written(value)


def written(value: Value) -> Any:
    """As `runtime_process.written` has it."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return {"int": str(value)}
        case float():
            return {"double": "nan" if math.isnan(value) else value.hex()}
        case Timestamp(ns):
            return {"timestamp": ns // MICROSECOND}
        case Duration(ns):
            return {"duration": (abs(ns) // MICROSECOND) * (1 if ns >= 0 else -1)}
        case list():
            return [written(item) for item in value]
        case dict():
            entries = [[written(_key(key)), written(item)] for key, item in value.items()]
            return {"map": sorted(entries, key=json.dumps)}
    raise AssertionError(f"{value!r} is no value of the language")


def same(ours: Any, theirs: Any) -> bool:
    """The same value to the last bit, or an error here and there."""
    return is_error(ours) == is_error(theirs) and (is_error(ours) or ours == theirs)


def is_error(answer: Any) -> bool:
    return isinstance(answer, dict) and "error" in answer


def _key(key: Value) -> Value:
    return key.value if isinstance(key, BoolKey) else key
