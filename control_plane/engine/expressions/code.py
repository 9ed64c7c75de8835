"""A compiled node: what to run, and what is known of it without running it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.values import Value

Scope: TypeAlias = Mapping[str, Any]
"""The values of the names an expression was compiled for, and of its macros' variables."""

Run: TypeAlias = Callable[[Scope, Budget], Value]

Field: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    run: Run

    kind: str | None = None
    """The type of the value where it does not depend on the scope."""

    nodes: int = 1
    """
    How many operators run, a call counting as several. Bodies of macros are not in it, as
    they are counted while they run; nor are constants.
    """

    field: Field | None = None
    """
    The name and the key where it does nothing but read `name.key`: an operator may read that
    itself, and run it only where it is missing.
    """

    is_constant: bool = False
    """Whether `run` ignores scope and budget, so that it may be run in advance."""
