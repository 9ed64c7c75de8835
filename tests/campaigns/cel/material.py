"""What random expressions are made of: one context, and literals that have their edges."""

from typing import Any, Final

CONTEXT: Final[dict[str, Any]] = {
    "amount": 1250,
    "rate": 0.75,
    "vip": True,
    "off": False,
    "name": "Ada Lovelace",
    "empty": "",
    "greek": "ίσος é😀",
    "none": None,
    "numbers": [3, 1, -4, 0, 9],
    "prices": [1.5, -0.25, 0.0],
    "tags": ["a", "bc", "a", ""],
    "mixed": [1, 2.5, "a", None, True, [1], {"a": 1}],
    "rows": [[1, 2], [], [3]],
    "stock": {"a": 3, "bc": 0, "z": -1},
    "items": [{"sku": "x1", "count": 2}, {"sku": "y2", "count": 0}, {"sku": "z"}],
    "address": {"city": "London", "lines": ["1", "2"], "geo": {"lat": 51.5, "lon": -0.125}},
    "big": 9_223_372_036_854_775_807,
    "due": "2030-01-31T12:00:00Z",
    "package": "reserved",
}

VALUES: Final[dict[str, tuple[str, ...]]] = {
    "bool": ("true", "false", "context.vip", "context.off"),
    "int": (
        *("0", "1", "-1", "2", "3", "7", "-13", "100", "0x1F", "-0x10"),
        *("9223372036854775807", "-9223372036854775808", "9007199254740993"),
        *("context.amount", "context.numbers[1]", "context.items[0].count", "context.big"),
        *("context.stock.a", "context['stock']['bc']"),
    ),
    "double": (
        *("0.0", "-0.0", "1.0", "-1.5", "2.25", ".5", "1e3", "1e18", "1E-7", "0.1", "123456789.5"),
        *("9223372036854775807.0", "9007199254740992.0", "1e308", "4.9e-324"),
        *("context.rate", "context.prices[0]", "context.address.geo.lat"),
    ),
    "string": (
        *("''", "'a'", '"bc"', "r'\\d+'", "'Ada'", "'\\u00e9'", "'''x'y'''", "'  pad\\t'"),
        *("'a,b,,c'", "'\\x41\\101\\U0001F600'", '"""two\nlines"""', "'\\u3000a\\u0085'", "'ß'"),
        *("context.name", "context.empty", "context.greek", "context.address.city"),
        *("context.package", "context.tags[1]"),
    ),
    "timestamp": (
        *("timestamp('2030-01-31T12:00:00Z')", "timestamp(context.due)", "timestamp(0)"),
        *("timestamp('2024-02-29T23:59:59.125+05:30')", "timestamp('0001-01-01T00:00:00Z')"),
        *("timestamp('9999-12-31T23:59:59.999999999Z')", "timestamp('1969-12-31T23:59:59.9Z')"),
        "timestamp('2030-03-31T01:30:00Z')",
    ),
    "duration": (
        *("duration('90s')", "duration('-1h30m')", "duration('1.5s')", "duration('0s')"),
        *("duration('1ns')", "duration('-1us')", "duration('2562047h')", "duration('24h')"),
    ),
    "null": ("null", "context.none"),
    "ints": ("[]", "[1, 2, 3]", "context.numbers", "context.rows[0]"),
    "doubles": ("[]", "[0.5, -2.0]", "context.prices"),
    "strings": ("['a', 'b']", "context.tags", "context.address['lines']"),
    "rows": ("[[1], []]", "context.rows"),
    "map": ("{}", "{'a': 1}", "{'a': 1, 'z': 2}", "context.stock", "context.items[0]"),
    "missing": (
        *("context.nope", "context.items[9]", "context.items[2].count", "{'a': 1}.b"),
        *("context.none.x", "context.numbers.x", "context.stock['nope']"),
    ),
    "any": ("context.mixed", "context.mixed[3]", "{2: 'a', true: 'b'}", "{'a': [1.5]}", "context"),
}
"""Expressions of a kind that have no parts. `missing` has no value, `any` has whatever."""

KINDS: Final = tuple(kind for kind in VALUES if kind not in {"missing", "any"})

TEXTS_OF_INTS: Final = (
    *("'12'", "'-7'", "'+5'", "'-0'", "'9223372036854775808'", "'x'", "'1.5'", "''", "' 1'"),
    "'0x10'",
)
TEXTS_OF_DOUBLES: Final = (
    *("'1.5'", "'-7'", "'1e400'", "'.5'", "'5.'", "'nan'", "'Infinity'", "'-inf'", "'x'", "''"),
    *("'1e5 '", "'0x10'"),
)
TEXTS_OF_BOOLS: Final = ("'true'", "'TRUE'", "'t'", "'0'", "'False'", "'yes'", "''")
TEXTS_OF_TIMESTAMPS: Final = (
    *("'2030-01-31T12:00:00.5Z'", "'2030-02-30T00:00:00Z'", "'2030-01-01t00:00:00z'"),
    *("'2030-01-01T00:00:00'", "'2030-01-01T24:00:00Z'", "'2030-01-01T00:00:00+24:00'"),
    *("'2030-01-01T00:00:00-23:59'", "'0000-12-31T23:00:00Z'", "'x'", "''"),
    *("'2016-12-31T23:59:60Z'", "' 2030-01-01T00:00:00Z'", "'2030-1-1T00:00:00Z'"),
)
TEXTS_OF_DURATIONS: Final = (
    *("'1h1m1s1ms1us1ns'", "'-.5s'", "'1.s'", "'0'", "'+1s'", "'1d'", "'s'", "''", "'1h-1m'"),
    *("'0.0000000001s'", "'PT1H30M'", "'P1D'", "'1µs'", "'2562048h'", "'87660001h'"),
)
PATTERNS: Final = (
    *("'^a'", "'[A-Z][a-z]+'", "'(a|b)*c$'", "r'\\d'", "''", "'^.$'", "r'\\pL'", "'(?i)ADA'"),
    *("'(a?){3}a{3}'", "'('"),
)
SEPARATORS: Final = ("','", "' '", "'a'", "'bc'", "''")
ZONES: Final = (
    *("'Europe/Berlin'", "'America/New_York'", "'Pacific/Auckland'", "'UTC'", "''", "'+05:30'"),
    *("'-02:00'", "'14:00'", "'No/Where'", "'5:30'", "'Z'"),
)
FIELDS: Final = (
    *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
    *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
)
UNITS: Final = ("getHours", "getMinutes", "getSeconds", "getMilliseconds")
