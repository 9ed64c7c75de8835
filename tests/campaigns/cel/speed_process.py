"""
The same guard in other implementations of CEL, in their own environment: the guard and its
contexts in, microseconds for each of them out.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from timeit import repeat
from typing import Any

import celpy  # type: ignore[import-not-found,unused-ignore]  # in an environment of its own
from cel_expr_python import cel  # type: ignore[import-not-found,unused-ignore]  # as above


def main() -> None:
    """Converting the context is in it, as it is in each of their evaluations."""
    guard, contexts = json.load(sys.stdin)
    environment = cel.NewEnv(variables={"context": cel.Type.DYN})
    expression = environment.compile(guard, disable_check=True)
    python = celpy.Environment()
    program = python.program(python.compile(guard))

    def runtime(data: dict[str, Any]) -> object:
        return expression.eval(data={"context": data}).plain_value()

    def pure(data: dict[str, Any]) -> object:
        return program.evaluate({"context": celpy.json_to_cel(data)})

    figures = {
        name: [microseconds(partial(evaluate, data)) for data in contexts]
        for name, evaluate in (("cel-expr-python", runtime), ("cel-python", pure))
    }
    json.dump(figures, sys.stdout)


def microseconds(evaluate: Callable[[], Any]) -> float:
    """The best of five runs, each of about as many evaluations as fit in 0.2 s."""
    once = min(repeat(evaluate, number=1, repeat=3))
    number = max(1, int(0.2 / once))
    return min(repeat(evaluate, number=number, repeat=5)) / number * 1e6


if __name__ == "__main__":
    main()
