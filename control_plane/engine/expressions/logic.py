"""
`&& || ! ?:` on booleans. `&&` and `||` absorb errors from either side: if one term alone
decides, an error in another does not matter, in whatever order they stand.
"""

from collections.abc import Sequence

from control_plane.engine.expressions.budget import ABSORBED_ERROR_ITERATIONS, Budget
from control_plane.engine.expressions.code import Run, Scope
from control_plane.engine.expressions.errors import ExpressionError, LimitExceeded, Site
from control_plane.engine.expressions.values import Value


def logic(operator: str, terms: Sequence[Run], site: Site) -> Run:
    """A chain of `&&` or of `||`, as a balanced tree, so that a long chain is not a deep one."""
    if len(terms) == 1:
        return terms[0]
    middle = (len(terms) + 1) // 2
    left, right = logic(operator, terms[:middle], site), logic(operator, terms[middle:], site)
    return _and(left, right, site) if operator == "&&" else _or(left, right, site)


def _and(left: Run, right: Run, site: Site) -> Run:
    def run(scope: Scope, budget: Budget) -> Value:
        try:
            one = left(scope, budget)
        except LimitExceeded:
            raise
        except ExpressionError:
            budget.iterate(ABSORBED_ERROR_ITERATIONS, site)
            if right(scope, budget) is False:
                return False
            raise
        if one is False:
            return False
        other = right(scope, budget)
        if one is True and (other is True or other is False):
            return other
        if other is False:
            return False
        raise site.no_overload("&&", one, other)

    return run


def _or(left: Run, right: Run, site: Site) -> Run:
    def run(scope: Scope, budget: Budget) -> Value:
        try:
            one = left(scope, budget)
        except LimitExceeded:
            raise
        except ExpressionError:
            budget.iterate(ABSORBED_ERROR_ITERATIONS, site)
            if right(scope, budget) is True:
                return True
            raise
        if one is True:
            return True
        other = right(scope, budget)
        if one is False and (other is True or other is False):
            return other
        if other is True:
            return True
        raise site.no_overload("||", one, other)

    return run


def negation(operand: Run, site: Site) -> Run:
    def run(scope: Scope, budget: Budget) -> Value:
        value = operand(scope, budget)
        if value is True:
            return False
        if value is False:
            return True
        raise site.no_overload("!", value)

    return run


def conditional(condition: Run, chosen: Run, otherwise: Run, site: Site) -> Run:
    """Runs the one that is chosen, and not the other."""

    def run(scope: Scope, budget: Budget) -> Value:
        value = condition(scope, budget)
        if value is True:
            return chosen(scope, budget)
        if value is False:
            return otherwise(scope, budget)
        raise site.no_overload("?:", value)

    return run
