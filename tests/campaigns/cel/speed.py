"""What a guard costs, here and in other implementations, on a small and on a large context."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from timeit import repeat
from typing import Any, Final

from control_plane.engine.expressions import Budget, compile_expression

GUARD: Final = "context.amount > 100 && context.vip"
SIZES: Final = (1, 10_000)
"""How many keys the context has besides those that the guard reads."""

PROCESS: Final = Path(__file__).with_name("speed_process.py")

# Measured on a core of 2026 with Python 3.11, µs on the small / the large context:
# foliot 0.34 / 0.34, cel-expr-python 5.0 / 4,670, cel-python 305 / 115,000.


def report(python: Path) -> Iterator[str]:
    """A table of microseconds for one evaluation of the guard, the best of several runs."""
    yield f"µs for one evaluation of {GUARD!r}, by the size of the context in keys"
    yield f"{'':20}" + "".join(f"{size:>12,}" for size in SIZES)
    yield _row("foliot", [ours(context(size)) for size in SIZES])
    asked = json.dumps([GUARD, [context(size) for size in SIZES]])
    answered = subprocess.run(
        [python, PROCESS], input=asked, capture_output=True, text=True, check=True
    )
    for name, figures in json.loads(answered.stdout).items():
        yield _row(name, figures)


def context(size: int) -> dict[str, Any]:
    """A context of so many keys more than the guard reads."""
    return {**{f"key{number}": [number] for number in range(size)}, "amount": 150, "vip": True}


def ours(context: dict[str, Any]) -> float:
    """Microseconds."""
    guard = compile_expression(GUARD, frozenset({"context"}))
    scope, budget = {"context": context}, Budget()
    number = 100_000
    return (
        min(repeat(lambda: guard.evaluate(scope, budget), number=number, repeat=5)) / number * 1e6
    )


def _row(name: str, figures: list[float]) -> str:
    return f"{name:20}" + "".join(f"{figure:>12,.2f}" for figure in figures)
