"""
The expression language of guards, assigns, task inputs and delays: CEL over JSON.

An expression is compiled once, when its definition is created, and evaluated many
times; it sees the names it was compiled for and nothing else, and what it may cost
is bounded. See `profile` for how it differs from CEL at large.
"""

from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.errors import ExpressionError, LimitExceeded
from control_plane.engine.expressions.expression import Expression, compile_expression
from control_plane.engine.expressions.values import Json

__all__ = ["Budget", "Expression", "ExpressionError", "Json", "LimitExceeded", "compile_expression"]
