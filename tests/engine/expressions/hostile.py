"""
Expressions made to do harm, and a scope that helps them: where each is stopped, and what
it is told.
"""

import zoneinfo
from typing import Any, Final

_DEEP: Final[list[Any]] = []
for _ in range(5_000):
    _DEEP[:] = [[*_DEEP]]

CONTEXT: Final[dict[str, Any]] = {
    "numbers": list(range(100_000)),
    "thousand": list(range(1_000)),
    "words": [f"w{number:06}" for number in range(100_000)],
    "text": "a" * 99_000,
    "half": "a" * 25_000 + "b" + "a" * 25_000,
    "short": "a" * 2_400,
    "part": "a" * 600 + "b" + "a" * 600,
    "map": {str(number): number for number in range(100_000)},
    "shuffled": {str(number * 7_919 % 100_003): number for number in range(100_000)},
    "huge": 10**6_000,
    "digits": "9" * 1_000_000,
    "zones": sorted(zoneinfo.available_timezones()),
    "surrogate": "\ud800",
    "deep": _DEEP,
}

ITERATIONS: Final = "more than 100,000 iterations in one macrostep"
BUILT: Final = "more than 100,000 elements and characters built"
RETURNED: Final = "results of more than 100,000 elements and characters"
DEEPER: Final = "nested deeper than 40"
LONG: Final = "at most 2,000 characters"
NO_PATTERN: Final = "no regular expression of RE2"
BEYOND: Final = "the scope holds an int beyond 64 bits"
NO_ZONE: Final = "no such time zone"
NO_MEANING: Final = "has no meaning here"

STOPPED: Final[tuple[tuple[str, int, str], ...]] = (
    # strings that grow
    ("context.text + context.text", 13, BUILT),
    ("['ab']" + ".map(t, t + t + t + t)" * 17, 170, BUILT),
    ("context.numbers.map(x, context.text)", 0, RETURNED),
    ("context.words.join(context.text)", 14, BUILT),
    ("context.text.replace('', context.text)", 13, BUILT),
    ("context.text.split('').map(c, c + context.text)", 13, BUILT),
    # lists that grow
    ("context.numbers + context.numbers", 16, BUILT),
    ("[0]" + ".map(x, [x, x])" * 30, 0, RETURNED),
    ("context.thousand.map(x, context.thousand.map(y, x))", 41, ITERATIONS),
    ("context.numbers.map(x, [x, x, x])", 16, ITERATIONS),
    # maps
    ("context.thousand.map(x, {'a': context.thousand.map(y, {'b': y})})", 47, ITERATIONS),
    ("{" + ", ".join(f"'k{key}': context.map" for key in range(100)) + "}", 0, RETURNED),
    ("context.thousand.all(x, context.shuffled.exists(key, true))", 41, ITERATIONS),
    ("context.thousand.all(x, context.shuffled == context.shuffled)", 41, ITERATIONS),
    ("context.numbers.all(x, {'a': x, 'b': x} == {'a': x, 'b': x})", 40, ITERATIONS),
    # patterns
    ("context.text.matches('(.*a){25}b')", 13, ITERATIONS),
    ("context.text.matches('(a?){150}a{150}b')", 13, ITERATIONS),
    ("context.text.matches('(a{0,30}){0,30}b')", 13, ITERATIONS),
    ("''.matches('(a{0,60}){0,60}')", 11, NO_PATTERN),
    ("''.matches('.{0,300}')", 11, "more than 2,500 instructions"),
    (f"''.matches('{'a' * 501}')", 11, "at most 500 characters"),
    ("context.thousand.map(x, ''.matches(context.text))", 27, ITERATIONS),
    (r"''.matches('\\pL{3}')", 11, "more than 2,500 instructions"),
    ("''.matches('" + r"\\pL" * 120 + "')", 11, NO_PATTERN),
    (r"''.matches('\\pL{50}')", 11, NO_PATTERN),
    (
        " || ".join(rf"''.matches('\\pL{{2}}{number}')" for number in range(70)),
        219,
        "more than 20,000 instructions together",
    ),
    (r"context.numbers.all(x, ''.matches('\\pL{50}' + string(x)) || true)", 26, ITERATIONS),
    (r"context.numbers.all(x, !''.matches('\\pL{2}' + string(x)))", 27, ITERATIONS),
    ("context.thousand.all(x, !context.text.matches(string(x) + '.{0,99}b'))", 38, ITERATIONS),
    ("''.matches('(?=a)')", 11, NO_PATTERN),
    # searching
    ("context.numbers.all(x, !context.short.contains(context.part))", 38, ITERATIONS),
    ("context.numbers.all(x, context.short.split(context.part) != [])", 37, ITERATIONS),
    ("context.numbers.all(x, context.text.lastIndexOf(context.half) < 0)", 36, ITERATIONS),
    ("context.numbers.all(x, context.text.indexOf(context.half) < 0)", 36, ITERATIONS),
    ("context.numbers.all(x, context.text.replace('a', '') == '')", 36, ITERATIONS),
    ("context.words.all(x, x in context.words)", 23, ITERATIONS),
    ("context.numbers.all(x, !(now in context.numbers))", 29, ITERATIONS),
    ("[context.numbers.map(x, now)].all(l, l.all(y, 0 in l))", 17, ITERATIONS),
    # numbers
    ("9" * 1_999, 0, "integers end at"),
    ("0x" + "f" * 1_990, 0, "integers end at"),
    ("9223372036854775807 * 9223372036854775807", 20, "overflows 64 bits"),
    ("context.huge + 1", 13, "overflows 64 bits"),
    ("context.huge * context.huge == 0", 13, "overflows 64 bits"),
    ("double(context.huge) > 0.0", 0, BEYOND),
    ("string(context.huge)", 0, BEYOND),
    ("int(context.digits)", 0, "no 64-bit integer"),
    ("double(context.digits)", 0, "no number"),
    (f"context.numbers.all(x, double('{'9' * 390}') > 0.0)", 16, ITERATIONS),
    # times
    ("timestamp('9999-12-31T23:59:59.999999999Z') + duration('1ns')", 44, "out of range"),
    ("timestamp('0001-01-01T00:00:00Z') - duration('1ns')", 34, "out of range"),
    ("duration('2562047h') + duration('2562047h')", 21, "out of range"),
    ("timestamp(9223372036854775807)", 0, "no timestamp"),
    ("timestamp(context.huge)", 0, "no timestamp"),
    ("timestamp(context.text)", 0, "no timestamp"),
    ("duration(context.digits)", 0, "no duration"),
    (f"context.numbers.all(x, duration('{'1h1m1s' * 10}') > duration('1s'))", 23, ITERATIONS),
    ("context.numbers.all(x, now.getHours(context.zones[x % 400]) >= 0)", 27, ITERATIONS),
    ("context.numbers.all(x, now.getHours('Z' + string(x)) >= 0 || true)", 27, ITERATIONS),
    ("now.getHours('../../../../etc/passwd')", 4, NO_ZONE),
    ("now.getHours(context.text)", 4, NO_ZONE),
    # length and depth
    ("1" + " " * 2_000, 2_000, LONG),
    ("(" * 1_000 + "1" + ")" * 999, 40, DEEPER),
    ("[" * 1_000 + "]" * 999, 40, DEEPER),
    ("{'a':" * 300 + "1" + "}" * 300, 196, DEEPER),
    ("!" * 1_990 + "true", 0, DEEPER),
    ("-" * 1_990 + "1", 0, DEEPER),
    ("true?1:" * 280 + "1", 280, DEEPER),
    ("size(" * 330 + "1" + ")" * 330, 200, DEEPER),
    ("context" + ".a" * 990, 1_986, DEEPER),
    ("[1].map(a, [1].map(b, [1].map(c, 1)))", 26, "more than 2 macros"),
    ("[1].all(x, " * 150 + "true" + ")" * 150, 430, DEEPER),
    ("context.deep", 0, "nested deeper than 100"),
    ("context.deep == context.deep", 13, "nested deeper than 100"),
    # bodies that cost more than they look
    (f"context.numbers.all(x, {' && '.join(['[].all(y, true)'] * 100)})", 16, ITERATIONS),
    (f"context.numbers.all(x, {' + '.join(['x'] * 36)} >= 0)", 16, ITERATIONS),
    (f"context.numbers.all(x, [{', '.join(['x * x'] * 150)}] != [])", 23, BUILT),
    ("context.numbers.all(x, context.nope || context.nope || x >= 0)", 36, ITERATIONS),
    (f"context.numbers.all(x, math.greatest({', '.join(['x'] * 200)}) >= 0)", 16, ITERATIONS),
    # ways to Python
    ("__class__", 0, "unknown name __class__"),
    ("''.__class__", 3, "string has no field __class__"),
    ("context['__class__']['__init__']", 8, "no such key: __class__"),
    ("context.__class__.__mro__[1].__subclasses__()", 29, "unknown method __subclasses__"),
    ("context.map(x, x.__globals__)", 17, "string has no field __globals__"),
    ("'{0.__class__}'.format(context)", 16, "unknown method format"),
    ("'%s' % context", 5, "% is not defined for (string, map)"),
    ("__import__('os')", 0, "unknown function __import__"),
    ("eval('1')", 0, "unknown function eval"),
    ("().__class__", 1, "expected a value"),
    ("lambda x: x", 7, "expected the end"),
    ("[x for x in context]", 3, "found for"),
    # characters that are not what they seem
    ("cont\u0435xt.a", 4, NO_MEANING),
    ("context\u200b.a", 7, NO_MEANING),
    ("\u202econtext", 0, NO_MEANING),
    ("\ufeff1", 0, NO_MEANING),
    ("\uff081\uff09", 0, NO_MEANING),
    ("\u0661 + 1", 0, NO_MEANING),
    ("'a\0b'.size() + \0", 15, NO_MEANING),
    (r"'\ud800'", 1, "no Unicode character"),
    (r"'\U00110000'", 1, "no Unicode character"),
    ("context.surrogate.matches('a')", 18, "half a surrogate pair"),
    # texts that never end, and words without end
    ('"""' + "a" * 1_990, 0, "not closed"),
    ("'" + "\\" * 1_999, 1_999, "unknown escape"),
    ("//" + "a" * 1_990, 1_992, "expected a value"),
    ("a" * 1_999, 0, "unknown name aaaa"),
    (f"'a'.{'a' * 1_990}()", 4, "unknown method aaaa"),
)
"""Each with the position at which it is stopped, and a part of what it is told."""

BORNE: Final[tuple[str, ...]] = (
    "context.numbers.all(x, x >= 0)",
    "context.numbers.map(x, x) != []",
    "context.numbers.filter(x, x % 2 == 0).size() == 50000",
    "context.numbers == context.numbers",
    "context.map == context.map",
    "context.map.all(key, context.map[key] >= 0)",
    "context.shuffled.all(key, true)",
    "context.words.all(x, !(x in context.map))",
    "!context.text.matches('(x+x+)+y')",
    "context.text.matches('(a+)+$')",
    "math.greatest(context.numbers) == 99999",
    "context.text.lastIndexOf(context.half) == -1",
    "context.text.upperAscii().size() == 99000",
    "timestamp('0001-01-01T00:00:00Z').getFullYear('-23:59') == 0",
    "true" + " && true" * 240,
)
"""All of them true: the bounds are there to be used, and what is within them ends, in time."""
