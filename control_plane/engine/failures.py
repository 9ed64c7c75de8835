"""
Why a macrostep could not be finished. Raised inside the engine, never out of decide().
"""

from abc import ABC, abstractmethod

from control_plane.engine.decision import ExpressionFailed, LimitExceeded
from shared.json import Json


class MacrostepFailed(Exception, ABC):
    """Nothing of the macrostep is kept; `refusal` is what a sender is told."""

    refusal: ExpressionFailed | LimitExceeded

    @abstractmethod
    def as_error(self) -> dict[str, Json]:
        """The same for an instance that fails of it."""


class ExpressionUnusable(MacrostepFailed):
    """An expression failed, or gave a value that cannot be used where it stands."""

    refusal: ExpressionFailed

    def __init__(self, json_pointer: str, message: str, expression: str) -> None:
        super().__init__(f"{json_pointer}: {message}")
        self.refusal = ExpressionFailed(json_pointer, message, expression)

    def as_error(self) -> dict[str, Json]:
        return {
            "kind": "expression_failed",
            "message": self.refusal.message,
            "json_pointer": self.refusal.json_pointer,
            "expression": self.refusal.expression,
        }


class LimitReached(MacrostepFailed):
    """The macrostep would go over a named limit."""

    refusal: LimitExceeded

    def __init__(self, limit: str, *, actual: int, maximum: int, json_pointer: str = "") -> None:
        self.refusal = LimitExceeded(limit, actual, maximum)
        self.json_pointer = json_pointer
        super().__init__(self.refusal.message)

    def as_error(self) -> dict[str, Json]:
        return {
            "kind": "limit_exceeded",
            "message": self.refusal.message,
            "json_pointer": self.json_pointer,
        }
