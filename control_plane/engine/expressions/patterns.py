"""`matches`, by RE2, which has no pattern that takes more than linear time."""

from functools import lru_cache
from typing import Any, Final

import re2

from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.code import Run, Scope
from control_plane.engine.expressions.errors import ExpressionError, Site
from control_plane.engine.expressions.functions import Function
from control_plane.engine.expressions.values import Value

MAX_PATTERN_CHARACTERS: Final = 500
"""Length of a pattern."""

MAX_PROGRAM: Final = 2_500
"""
Instructions of a compiled pattern: linear time is time in proportion to them as well.
`\\pL` has 1,200, `.{0,200}` 1,800; `(a{0,60}){0,60}` and its like have more.
"""

MAX_PROGRAMS: Final = 20_000
"""Instructions of all the patterns that are written out in an expression."""

MAX_MEMORY: Final = 1 << 18
"""Bytes that RE2 may use for a pattern and for matching it."""

INSTRUCTIONS_PER_ITERATION: Final = 64
"""How many instructions, each on one character, RE2 runs in the time of an iteration."""

COMPILE_ITERATIONS: Final = 200
"""What it costs to compile a pattern that is computed."""

COMPILE_ITERATIONS_PER_CHARACTER: Final = 40
"""And each of its characters on top; each of its instructions is one more."""

REFUSED_ITERATIONS: Final = 5_000
"""What a pattern costs that turns out to be too large."""

PATTERNS_KEPT: Final = 256
"""How many compiled patterns are kept for their next use; each may hold MAX_MEMORY."""


def matches(site: Site, budget: Budget, text: str, pattern: str) -> bool:
    """Whether the pattern is found anywhere in the text; anchor it with ^ and $."""
    # Counted whether or not the pattern is kept, so that it is the same every time.
    budget.iterate(COMPILE_ITERATIONS + COMPILE_ITERATIONS_PER_CHARACTER * len(pattern), site)
    try:
        compiled = compile_pattern(pattern, site)
    except ExpressionError:
        budget.iterate(REFUSED_ITERATIONS, site)
        raise
    budget.iterate(compiled.programsize, site)
    return _is_found(compiled, text, budget, site)


def matching(text: Run, pattern: Any, site: Site) -> Run:
    """`matches` of a pattern that has been compiled with the expression."""

    def run(scope: Scope, budget: Budget) -> Value:
        value = text(scope, budget)
        if value.__class__ is not str:
            raise site.no_overload("matches", value, "")
        return _is_found(pattern, value, budget, site)

    return run


def compile_pattern(pattern: str, site: Site) -> Any:
    """The pattern in RE2's form. Raises ExpressionError if it has no such form."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise site.limit(f"a pattern has at most {MAX_PATTERN_CHARACTERS} characters; split it")
    try:
        compiled = _compile(pattern)
    except (re2.error, UnicodeEncodeError):
        raise site.error(
            "the pattern is no regular expression of RE2, or too large a one; "
            "RE2 has no look-around and no back-references"
        ) from None
    if compiled.programsize > MAX_PROGRAM:
        raise site.limit(
            f"the pattern has more than {MAX_PROGRAM:,} instructions; nest fewer repetitions"
        )
    return compiled


def _is_found(pattern: Any, text: str, budget: Budget, site: Site) -> bool:
    budget.iterate(len(text) * pattern.programsize // INSTRUCTIONS_PER_ITERATION, site)
    try:
        return pattern.search(text) is not None
    except UnicodeEncodeError:
        raise site.error(
            "the text has half a surrogate pair in it, which matches nothing"
        ) from None


@lru_cache(maxsize=PATTERNS_KEPT)
def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    return re2.compile(pattern, options)


MATCHES: Final = Function("matches", {(str, str): matches}, "bool")
