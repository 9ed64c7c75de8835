"""
Closures of what guards and counters mostly are: `name.key` held against a constant, or counted
on. They read the field themselves, which is a call less than `operators` has; where it is not
there, `read` says so, as it does everywhere else.
"""

from control_plane.engine.expressions.arithmetic import OPERATIONS
from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.code import Field, Run, Scope
from control_plane.engine.expressions.comparing import ORDERS, equal, ordered
from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.operators import INT_OPERATIONS
from control_plane.engine.expressions.values import INT_MAX, INT_MIN, Value


def equality_to_constant(symbol: str, field: Field, read: Run, constant: Value, site: Site) -> Run:
    """`name.key == "paid"`, and `!=`, with a scalar on the right."""
    name, key = field
    is_equal = symbol == "=="
    kind = constant.__class__

    def run(scope: Scope, budget: Budget) -> Value:
        try:
            one = scope[name][key]
        except (KeyError, TypeError):
            one = read(scope, budget)
        if one.__class__ is kind:
            return (one == constant) is is_equal
        return equal(one, constant, budget, site) is is_equal

    return run


def order_to_constant(symbol: str, field: Field, read: Run, constant: Value, site: Site) -> Run:
    """`name.key > 100` and its like, with a number on the right."""
    name, key = field
    test = ORDERS[symbol]
    kind = constant.__class__

    def run(scope: Scope, budget: Budget) -> Value:
        try:
            one = scope[name][key]
        except (KeyError, TypeError):
            one = read(scope, budget)
        if one.__class__ is kind:
            return test(one, constant)
        return ordered(symbol, one, constant, budget, site)

    return run


def arithmetic_with_int(symbol: str, field: Field, read: Run, constant: int, site: Site) -> Run:
    """`name.key + 1`, and `-` and `*`, with an integer on the right."""
    name, key = field
    operation, of_ints = OPERATIONS[symbol], INT_OPERATIONS[symbol]

    def run(scope: Scope, budget: Budget) -> Value:
        try:
            one = scope[name][key]
        except (KeyError, TypeError):
            one = read(scope, budget)
        if one.__class__ is int:
            result = of_ints(one, constant)
            if INT_MIN <= result <= INT_MAX:
                return result
        return operation(one, constant, budget, site)

    return run
