"""
Macros: `all exists exists_one map filter` over the elements of a list or the keys of a map.

Each element is counted before it is visited, so that work is bounded whatever the macros
are nested in. The variable lives in a copy of the scope that is the macro's own.
"""

from collections.abc import Iterable
from typing import Final

from control_plane.engine.expressions.budget import ABSORBED_ERROR_ITERATIONS, Budget
from control_plane.engine.expressions.code import Run, Scope
from control_plane.engine.expressions.errors import ExpressionError, LimitExceeded, Site
from control_plane.engine.expressions.values import Value, keys_of


def quantifier(kind: str, source: Run, variable: str, body: Run, cost: int, site: Site) -> Run:
    """
    `all` and `exists`: an element that decides does so whatever errors others raise; if
    none decides, the last error stands.
    """
    deciding = kind == "exists"

    def run(scope: Scope, budget: Budget) -> Value:
        inner = dict(scope)
        failure: ExpressionError | None = None
        elements, price = _elements(kind, source(scope, budget), cost, budget, site)
        for inner[variable] in elements:
            budget.iterate(price, site)
            try:
                verdict = body(inner, budget)
                if verdict is deciding:
                    return deciding
                if verdict.__class__ is not bool:
                    raise site.no_overload(kind, verdict)
            except LimitExceeded:
                raise
            except ExpressionError as error:
                budget.iterate(ABSORBED_ERROR_ITERATIONS, site)
                failure = error
        if failure is None:
            return not deciding
        try:
            raise failure
        finally:
            del failure  # or it and this frame would keep each other alive

    return run


def exists_one(source: Run, variable: str, body: Run, cost: int, site: Site) -> Run:
    """Whether exactly one element meets the condition. Looks at all of them: errors stand."""

    def run(scope: Scope, budget: Budget) -> Value:
        inner = dict(scope)
        found = 0
        elements, price = _elements("exists_one", source(scope, budget), cost, budget, site)
        for inner[variable] in elements:
            budget.iterate(price, site)
            found += _condition("exists_one", body(inner, budget), site)
        return found == 1

    return run


def keep(source: Run, variable: str, body: Run, cost: int, site: Site) -> Run:
    """`filter`: the elements that meet the condition, in their order."""

    def run(scope: Scope, budget: Budget) -> Value:
        inner = dict(scope)
        kept: list[Value] = []
        elements, price = _elements("filter", source(scope, budget), cost, budget, site)
        for element in elements:
            budget.iterate(price, site)
            inner[variable] = element
            if _condition("filter", body(inner, budget), site):
                kept.append(element)
        budget.build(len(kept), site)
        return kept

    return run


def transform(source: Run, variable: str, condition: Run, body: Run, cost: int, site: Site) -> Run:
    """`map`: what becomes of each element that meets the condition, in their order."""

    def run(scope: Scope, budget: Budget) -> Value:
        inner = dict(scope)
        built: list[Value] = []
        elements, price = _elements("map", source(scope, budget), cost, budget, site)
        for inner[variable] in elements:
            budget.iterate(price, site)
            if _condition("map", condition(inner, budget), site):
                built.append(body(inner, budget))
        budget.build(len(built), site)
        return built

    return run


ALWAYS: Final[Run] = lambda scope, budget: True  # noqa: E731, ARG005  # the condition of a map that has none


def _elements(
    kind: str, source: Value, cost: int, budget: Budget, site: Site
) -> tuple[Iterable[Value], int]:
    """What to visit, and what each visit still costs."""
    if source.__class__ is list:
        return source, cost
    if source.__class__ is dict:
        # All the keys are sorted, however few will be visited.
        budget.iterate(len(source), site)
        return keys_of(source), cost - 1
    raise site.no_overload(kind, source)


def _condition(kind: str, verdict: Value, site: Site) -> bool:
    if verdict is True or verdict is False:
        return verdict
    raise site.no_overload(kind, verdict)
