"""
Closures of the binary operators. Each first tries what guards mostly are, a comparison or
a sum of two values of one type, and leaves the rest to `comparing` and `arithmetic`.
"""

import operator
from typing import Final

from control_plane.engine.expressions.arithmetic import OPERATIONS, negate
from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.code import Run, Scope
from control_plane.engine.expressions.comparing import (
    CHARACTERS_PER_ITERATION,
    ORDERS,
    contained,
    equal,
    ordered,
)
from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.values import INT_MAX, INT_MIN, Value

INT_OPERATIONS: Final = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def equality(symbol: str, left: Run, right: Run, site: Site) -> Run:
    """`==` and `!=`."""
    is_equal = symbol == "=="

    def run(scope: Scope, budget: Budget) -> Value:
        return equal(left(scope, budget), right(scope, budget), budget, site) is is_equal

    return run


def equality_to_constant(symbol: str, left: Run, constant: Value, site: Site) -> Run:
    """`==` and `!=` with a scalar literal on the right."""
    is_equal = symbol == "=="
    kind = constant.__class__

    def run(scope: Scope, budget: Budget) -> Value:
        one = left(scope, budget)
        if one.__class__ is kind:
            return (one == constant) is is_equal
        return equal(one, constant, budget, site) is is_equal

    return run


def order(symbol: str, left: Run, right: Run, site: Site) -> Run:
    """`< <= > >=`."""
    test = ORDERS[symbol]

    def run(scope: Scope, budget: Budget) -> Value:
        one, other = left(scope, budget), right(scope, budget)
        if one.__class__ is int and other.__class__ is int:
            return test(one, other)
        return ordered(symbol, one, other, budget, site)

    return run


def order_to_constant(symbol: str, left: Run, constant: Value, site: Site) -> Run:
    """`< <= > >=` with a number on the right."""
    test = ORDERS[symbol]
    kind = constant.__class__

    def run(scope: Scope, budget: Budget) -> Value:
        one = left(scope, budget)
        if one.__class__ is kind:
            return test(one, constant)
        return ordered(symbol, one, constant, budget, site)

    return run


def membership(left: Run, right: Run, site: Site) -> Run:
    """`in`."""

    def run(scope: Scope, budget: Budget) -> Value:
        return contained(left(scope, budget), right(scope, budget), budget, site)

    return run


def arithmetic(symbol: str, left: Run, right: Run, site: Site) -> Run:
    """`+ - * / %`."""
    operation = OPERATIONS[symbol]
    of_ints = INT_OPERATIONS.get(symbol)

    def run_ints(scope: Scope, budget: Budget) -> Value:
        one, other = left(scope, budget), right(scope, budget)
        if one.__class__ is int and other.__class__ is int:
            result = of_ints(one, other)  # type: ignore[misc]  # chosen only where it is not None
            if INT_MIN <= result <= INT_MAX:
                return result
        return operation(one, other, budget, site)

    def run(scope: Scope, budget: Budget) -> Value:
        return operation(left(scope, budget), right(scope, budget), budget, site)

    return run if of_ints is None else run_ints


def arithmetic_with_int(symbol: str, left: Run, constant: int, site: Site) -> Run:
    """`+ - *` with an integer literal on the right, as counters have it."""
    operation, of_ints = OPERATIONS[symbol], INT_OPERATIONS[symbol]

    def run(scope: Scope, budget: Budget) -> Value:
        one = left(scope, budget)
        if one.__class__ is int:
            result = of_ints(one, constant)
            if INT_MIN <= result <= INT_MAX:
                return result
        return operation(one, constant, budget, site)

    return run


def negative(operand: Run, site: Site) -> Run:
    """`-` before a value."""

    def run(scope: Scope, budget: Budget) -> Value:
        return negate(operand(scope, budget), site)

    return run


def is_cheap_constant(value: Value) -> bool:
    """Whether comparing with this constant needs no counting."""
    return value.__class__ is not str or len(value) <= CHARACTERS_PER_ITERATION
