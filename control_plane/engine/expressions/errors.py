"""What is wrong with an expression, where, and what to write instead."""

from dataclasses import dataclass
from typing import Final

from control_plane.engine.expressions.values import Value, kind_of


class ExpressionError(Exception):
    """
    An expression cannot be compiled, or has no value for what it was given.

    The message names operators, keys written in the expression, and the types of
    operands; never an operand's value, which may be somebody's secret.
    """

    def __init__(self, message: str, *, text: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.position = position
        """Where in `text`, counted in characters from 0."""

    def __str__(self) -> str:
        return f"{self.message} (at character {self.position + 1} of the expression)"


class LimitExceeded(ExpressionError):
    """A bound of the language was reached. Unlike other errors, `||` and `&&` never absorb it."""


MAX_QUOTED: Final = 40
"""How much of a word of the expression stands in a message."""


def quoted(word: str) -> str:
    """A word of the expression as messages quote it."""
    return word if len(word) <= MAX_QUOTED else f"{word[:MAX_QUOTED]}…"


@dataclass(frozen=True, slots=True)
class Site:
    """A place in an expression, which errors raised there carry."""

    text: str
    position: int

    def error(self, message: str) -> ExpressionError:
        return ExpressionError(message, text=self.text, position=self.position)

    def limit(self, message: str) -> LimitExceeded:
        return LimitExceeded(message, text=self.text, position=self.position)

    def no_overload(self, operator: str, *operands: Value) -> ExpressionError:
        """The operator is not defined for operands of these types."""
        kinds = ", ".join(kind_of(operand) for operand in operands)
        return self.error(
            f"{operator} is not defined for ({kinds}); "
            "convert with int(), double(), string(), timestamp() or duration()"
        )

    def overflow(self, operator: str, *operands: Value) -> ExpressionError:
        """The result is no 64-bit integer."""
        kinds = ", ".join(kind_of(operand) for operand in operands)
        return self.error(
            f"{operator} of ({kinds}) overflows 64 bits; use double() where precision may go"
        )
