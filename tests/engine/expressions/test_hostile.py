"""Whatever an expression is made of, it costs at most 100 ms, and is told where and why."""

from typing import Any

import pytest

from control_plane.engine.expressions import Budget, ExpressionError, compile_expression
from tests.engine.expressions.cost import is_within_bounds
from tests.engine.expressions.evaluating import NAMES, NOW
from tests.engine.expressions.hostile import BORNE, CONTEXT, STOPPED

MAX_MESSAGE = 400
"""Characters of an error: it travels in a status, and is read by a person."""


def run(text: str) -> Any:
    """The value or the error, compiling included."""
    try:
        expression = compile_expression(text, NAMES)
        return expression.evaluate({"context": CONTEXT, "now": NOW}, Budget())
    except ExpressionError as error:
        return error


class TestAHostileExpression:
    @pytest.mark.parametrize(("text", "position", "words"), STOPPED, ids=range(len(STOPPED)))
    def test_is_stopped_where_it_does_harm(self, text: str, position: int, words: str) -> None:
        """In time, at a place that the author is shown, with a reason and what to do."""
        error = run(text)

        assert isinstance(error, ExpressionError)
        assert words in error.message
        assert (position, text) == (error.position, error.text)
        assert len(error.message) <= MAX_MESSAGE
        assert is_within_bounds(lambda: run(text))

    @pytest.mark.parametrize("text", BORNE, ids=range(len(BORNE)))
    def test_has_a_value_if_it_just_fits(self, text: str) -> None:
        """Nobody is stopped for being large alone."""
        assert run(text) is True
        assert is_within_bounds(lambda: run(text))
