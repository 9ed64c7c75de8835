"""
Whether a transition may be taken: an expression, a question about states, or several of them.
"""

from dataclasses import dataclass
from typing import Protocol

from control_plane.engine.expressions import ExpressionError
from control_plane.engine.templates import Computed, Template
from control_plane.engine.turn import Turn
from shared.json import Json


class Guard(Protocol):
    """A condition. A guard that cannot be evaluated is never taken for false."""

    def holds(self, turn: Turn) -> bool:
        """Raises ExpressionUnusable when there is no answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """An expression that must give true or false."""

    computed: Computed

    def holds(self, turn: Turn) -> bool:
        computed = self.computed
        expression = computed.expression
        try:
            # Not by computed.evaluate: that would be one more call for every event.
            value = expression.run(turn.scope, turn)
            if value is True or value is False:
                return value
            value = expression.as_json(value, turn)
        except (ExpressionError, OverflowError) as error:
            raise computed.failed(error) from error
        raise computed.unusable(
            f"a guard must give true or false, this one gave {_kind(value)}; "
            "compare it with something"
        )


@dataclass(frozen=True, slots=True, eq=False)
class And:
    guards: tuple[Guard, ...]

    def holds(self, turn: Turn) -> bool:
        return all(guard.holds(turn) for guard in self.guards)


@dataclass(frozen=True, slots=True, eq=False)
class Or:
    guards: tuple[Guard, ...]

    def holds(self, turn: Turn) -> bool:
        return any(guard.holds(turn) for guard in self.guards)


@dataclass(frozen=True, slots=True, eq=False)
class Not:
    guard: Guard

    def holds(self, turn: Turn) -> bool:
        return not self.guard.holds(turn)


@dataclass(frozen=True, slots=True, eq=False)
class StateIn:
    """All of these states are active, before the microstep that asks."""

    states: frozenset[int]

    def holds(self, turn: Turn) -> bool:
        return self.states <= turn.active


class NamedGuard:
    """
    A guard of the root's `guards`, with the parameters it is used with.

    `body` is one per name, shared by everybody who uses it: it is filled in once the
    named guards themselves have been compiled.
    """

    __slots__ = ("body", "name", "params")

    def __init__(self, name: str, params: Template | None, body: "NamedBody") -> None:
        self.name = name
        self.params = params
        self.body = body

    def holds(self, turn: Turn) -> bool:
        turn.spend(self.body.work)
        scope = turn.scope
        outer = scope["params"]
        scope["params"] = self.params.evaluate(turn) if self.params is not None else {}
        try:
            return self.body.guard.holds(turn)
        finally:
            scope["params"] = outer


class NamedBody:
    """What a guard's name stands for."""

    __slots__ = ("guard", "work")
    guard: Guard
    work: int


def _kind(value: Json) -> str:
    kinds = {type(None): "null", int: "an int", float: "a double", str: "a string", list: "a list"}
    return kinds.get(type(value), "a map")
