"""
Values with expressions in them: the JSON of a spec, where `{"@expr": …}` stands for a value.
"""

from dataclasses import dataclass
from typing import Protocol

import orjson

from control_plane.engine.expressions import Expression, ExpressionError
from control_plane.engine.expressions.values import INT_MAX, INT_MIN
from control_plane.engine.failures import ExpressionUnusable
from control_plane.engine.turn import Turn
from shared.json import Json


class Template(Protocol):
    """Something that has a value once an event is at hand."""

    def evaluate(self, turn: Turn) -> Json:
        """The value now. Raises ExpressionUnusable. What it returns must not be changed."""


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """JSON without an expression in it."""

    value: Json

    def evaluate(self, turn: Turn) -> Json:  # noqa: ARG002 - a constant looks at nothing
        return self.value


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """One expression, and where it stands in the spec."""

    expression: Expression
    text: str
    json_pointer: str

    def evaluate(self, turn: Turn) -> Json:
        expression = self.expression
        try:
            # What guards and counters give is JSON as it is; a call less for each of them.
            value = expression.run(turn.scope, turn)
            if value.__class__ is bool or (value.__class__ is int and INT_MIN <= value <= INT_MAX):
                return value
            return expression.as_json(value, turn)
        except (ExpressionError, OverflowError) as error:
            raise self.failed(error) from error

    def failed(self, error: ExpressionError | OverflowError) -> ExpressionUnusable:
        """What an error of the expression means to the macrostep it was evaluated in."""
        told = error if isinstance(error, ExpressionError) else self.expression.too_large()
        return self.unusable(str(told))

    def unusable(self, message: str) -> ExpressionUnusable:
        return ExpressionUnusable(self.json_pointer, message, self.text)


@dataclass(frozen=True, slots=True, eq=False)
class Object:
    """An object some of whose members are not constant."""

    members: tuple[tuple[str, Template], ...]

    def evaluate(self, turn: Turn) -> Json:
        return {key: member.evaluate(turn) for key, member in self.members}


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """An array some of whose items are not constant."""

    items: tuple[Template, ...]

    def evaluate(self, turn: Turn) -> Json:
        return [item.evaluate(turn) for item in self.items]


NULL = Constant(None)

_OPERATORS, _BYTES = 8, 100
"""Operators of an expression, and bytes of a constant, that count as one value."""


def work_of(template: Template) -> int:
    """What working out its value once takes, counted in values. See `effort`."""
    match template:
        case Computed():
            return 1 + template.expression.nodes // _OPERATORS
        case Object():
            return 1 + sum(work_of(member) for _, member in template.members)
        case Array():
            return 1 + sum(map(work_of, template.items))
        case Constant(value=str() | list() | dict()):
            return 1 + len(orjson.dumps(template.value)) // _BYTES
        case _:
            return 1
