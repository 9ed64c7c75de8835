"""What the tests of expressions say over and over."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from control_plane.engine.expressions import Budget, ExpressionError, Json, compile_expression

NAMES: Final = frozenset({"context", "event", "params", "task", "instance", "now"})
NOW: Final = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


def evaluate(text: str, context: Any = None, budget: Budget | None = None) -> Json:
    """The value of an expression over this context."""
    scope = {"context": {} if context is None else context, "now": NOW}
    return compile_expression(text, NAMES).evaluate(scope, budget or Budget())


def refusal(text: str, context: Any = None, budget: Budget | None = None) -> ExpressionError:
    """The error that an expression ends in, when compiled or when evaluated."""
    with pytest.raises(ExpressionError) as raised:
        evaluate(text, context, budget)
    return raised.value


def typed(value: Any) -> tuple[str, Any]:
    """The value with its type, since 1 == 1.0 == True in Python."""
    return type(value).__name__, value
