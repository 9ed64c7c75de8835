"""Every function of the language in one table, and how a call finds its overload."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.code import Run, Scope
from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.values import KINDS, BoolKey, Value

Implementation: TypeAlias = Callable[..., Value]
"""Takes site, budget, and the arguments of one overload."""

ANY: Final = tuple(kind for kind in KINDS if kind is not BoolKey)
"""Every type a value can have."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method by its overloads; a method's first argument is its target."""

    name: str
    overloads: Mapping[tuple[type, ...], Implementation]
    kind: str | None = None
    """The type of what it returns, if that is always the same."""

    is_variadic: bool = False
    """Takes one or more arguments of whatever type, and looks at them itself."""

    @property
    def counts(self) -> frozenset[int]:
        """The numbers of arguments it can take."""
        return frozenset(len(types) for types in self.overloads)


def call(function: Function, arguments: tuple[Run, ...], site: Site) -> Run:
    """A call whose number of arguments has been checked."""
    overloads, name = function.overloads, function.name

    def call_one(scope: Scope, budget: Budget) -> Value:
        value = first(scope, budget)
        found = overloads.get((value.__class__,))
        if found is None:
            raise site.no_overload(name, value)
        return found(site, budget, value)

    def call_many(scope: Scope, budget: Budget) -> Value:
        values = [argument(scope, budget) for argument in arguments]
        found = overloads.get(tuple([value.__class__ for value in values]))
        if found is None:
            raise site.no_overload(name, *values)
        return found(site, budget, *values)

    def call_variadic(scope: Scope, budget: Budget) -> Value:
        return overloads[()](site, budget, [argument(scope, budget) for argument in arguments])

    if function.is_variadic:
        return call_variadic
    if len(arguments) == 1:
        first = arguments[0]
        return call_one
    return call_many
