"""
The expression language of guards, assigns, task inputs and delays: CEL over JSON.

An expression is compiled once, when its definition is created, and evaluated many
times; it sees the names it was compiled for and nothing else, and what it may cost
is bounded (`budget` has every bound).

Where it differs from CEL at large:

- values are JSON, timestamps and durations: no bytes, no unsigned integers, no protobuf
  messages, no enums, no optional values, no types as values (`type()`);
- arithmetic of an int and a double is arithmetic of doubles, where CEL has none;
- unknown names and functions, a wrong number of arguments and a pattern that RE2 cannot
  read are found when the expression is compiled, so that no `||` absorbs them; other type
  errors are found when it is evaluated, as there are no declarations to check against;
- a result is JSON: infinity, NaN and keys that are no strings may occur on the way, and are
  errors at the end; a timestamp ends as RFC 3339 text, a duration as ISO 8601 text;
- `duration()` reads ISO 8601 (`PT1H30M`) besides `1h30m`; a duration has 64 bits of
  nanoseconds, which is 292 years;
- `string()` writes a double in the fewest digits that read back as the same number;
- the keys of a map are visited in order, and what can be no key is in no map;
- of CEL's libraries it has `strings` without `format` and `quote`, and `math` without the
  bit operations; no `cel.bind`, no macros of two variables;
- 2,000 characters, 40 levels and 2 macros inside each other are the end.

Time zones are those of the machine's time zone database, which is the one thing outside of
the scope that a value depends on.
"""

from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.errors import ExpressionError, LimitExceeded
from control_plane.engine.expressions.expression import Expression, compile_expression
from control_plane.engine.expressions.values import Json

__all__ = ["Budget", "Expression", "ExpressionError", "Json", "LimitExceeded", "compile_expression"]
