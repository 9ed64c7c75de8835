"""`matches`, by RE2, which has no pattern that takes more than linear time."""

from functools import lru_cache
from typing import Any, Final

import re2

from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.functions import Function

MATCHED_PER_ITERATION: Final = 16
"""How many characters are matched in the time of an iteration, at the worst pattern."""

COMPILE_ITERATIONS: Final = 50
"""What compiling a pattern costs, and each of its characters on top: that is slow."""

MAX_PATTERN_CHARACTERS: Final = 500
"""Length of a pattern."""

MAX_PATTERN_BYTES: Final = 1 << 16
"""Memory of a compiled pattern; `(a{100}){100}` and its like do not fit in."""

PATTERNS_KEPT: Final = 1024
"""How many compiled patterns are kept for their next use."""


def matches(site: Site, budget: Budget, text: str, pattern: str) -> bool:
    """Whether the pattern is found anywhere in the text; anchor it with ^ and $."""
    budget.iterate(COMPILE_ITERATIONS + len(pattern) + len(text) // MATCHED_PER_ITERATION, site)
    compiled = compile_pattern(pattern, site)
    try:
        return compiled.search(text) is not None
    except UnicodeEncodeError:
        raise site.error(
            "the text has half a surrogate pair in it, which matches nothing"
        ) from None


def compile_pattern(pattern: str, site: Site) -> Any:
    """The pattern in RE2's form. Raises ExpressionError if it has no such form."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise site.limit(f"a pattern has at most {MAX_PATTERN_CHARACTERS} characters; split it")
    try:
        return _compile(pattern)
    except (re2.error, UnicodeEncodeError):
        raise site.error(
            "the pattern is no regular expression of RE2, or too large a one; "
            "RE2 has no look-around and no back-references"
        ) from None


@lru_cache(maxsize=PATTERNS_KEPT)
def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PATTERN_BYTES
    return re2.compile(pattern, options)


MATCHES: Final = Function("matches", {(str, str): matches}, "bool")
