"""
The language against the CEL project's own C++ runtime, on random expressions. It needs
the package `cel-expr-python`; `FOLIOT_CEL_EXPRESSIONS` says how many expressions (a
campaign is 100000), `FOLIOT_CEL_SEED` which.
"""

import math
import os
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from control_plane.engine.expressions import Budget, ExpressionError, compile_expression
from control_plane.engine.expressions.moments import datetime_of
from control_plane.engine.expressions.values import Duration, Timestamp, Value
from tests.conformance.cel.generator import CONTEXT, Generator

cel = pytest.importorskip(
    "cel_expr_python.cel", reason="install cel-expr-python to compare with it"
)
ext_math = pytest.importorskip("cel_expr_python.ext.ext_math")
ext_strings = pytest.importorskip("cel_expr_python.ext.ext_strings")

EXPRESSIONS: Final = int(os.environ.get("FOLIOT_CEL_EXPRESSIONS", "500"))
SEED: Final = int(os.environ.get("FOLIOT_CEL_SEED", "1"))
NAMES: Final = frozenset({"context"})

PROMOTION: Final = re.compile(r"overloads found : _[-+*/]_\((int64, double|double, int64)\)")
"""What CEL refuses and the language computes: arithmetic of an int and a double."""

ENDS: Final = "<end> is greater than <string>.size()"
"""What the runtime says of `'a'.substring(0, 1)` too, where the end is the size."""

INT_OF_BOOL: Final = "int is not defined for (bool)"
"""The runtime reads a bool as 0 or 1; the specification has no such conversion."""


class Refused(Exception):
    """The other runtime has no value either."""


class TestTheLanguage:
    @pytest.mark.timeout(600)
    def test_agrees_with_the_runtime_of_the_cel_project(self) -> None:
        """Two implementations that share no code find the same value, or both an error."""
        environment = cel.NewEnv(
            variables={"context": cel.Type.DYN},
            extensions=[ext_strings.ExtStrings(), ext_math.ExtMath()],
        )
        generator = Generator(SEED)
        disagreements = []
        values = 0
        for _ in range(EXPRESSIONS):
            text = generator.expression()
            ours, theirs = evaluate(text), evaluate_theirs(environment, text)
            if not agree(ours, theirs):
                disagreements.append((text, ours, theirs))
            values += not isinstance(theirs, Refused)

        assert [] == disagreements[:10]
        assert values > EXPRESSIONS / 4  # or the errors would be compared, and little else


def evaluate(text: str) -> Value:
    try:
        value = compile_expression(text, NAMES)._run({"context": CONTEXT}, Budget())
    except ExpressionError as error:
        return error
    return plain(value)


def evaluate_theirs(environment: Any, text: str) -> Value:
    try:
        value = environment.compile(text, disable_check=True).eval(data={"context": CONTEXT})
    except Exception as error:  # noqa: BLE001  # a binding, whose errors are of no one type
        return Refused(str(error))
    if value.type() == cel.Type.ERROR:
        return Refused(str(value.plain_value()))
    return value.plain_value()


def plain(value: Value) -> Value:
    """As the other runtime's binding hands it over."""
    match value:
        case Timestamp():
            return datetime_of(value)
        case Duration():
            return timedelta(microseconds=value.ns // 1000)
        case list():
            return [plain(item) for item in value]
    return value


def agree(ours: Value, theirs: Value) -> bool:
    if isinstance(theirs, Refused):
        message = str(theirs)
        known = ENDS in message or PROMOTION.search(message) is not None
        return known or isinstance(ours, ExpressionError)
    if isinstance(ours, ExpressionError):
        return ours.message.startswith(INT_OF_BOOL)
    if ours.__class__ is not theirs.__class__:
        return False
    if isinstance(ours, float):
        return ours == theirs or (math.isnan(ours) and math.isnan(theirs))
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(agree, ours, theirs))
    if isinstance(ours, datetime):
        return bool(ours == theirs.astimezone(UTC))
    return bool(ours == theirs)
