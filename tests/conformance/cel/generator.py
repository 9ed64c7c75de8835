"""
Random expressions over a fixed context: mostly well typed, so that most have a value, and
now and then not, so that errors are compared too.
"""

from random import Random
from typing import Any, Final

CONTEXT: Final[dict[str, Any]] = {
    "amount": 1250,
    "rate": 0.75,
    "vip": True,
    "off": False,
    "name": "Ada Lovelace",
    "empty": "",
    "greek": "ίσος é",
    "none": None,
    "numbers": [3, 1, -4, 0, 9],
    "prices": [1.5, -0.25, 0.0],
    "tags": ["a", "bc", "a", ""],
    "items": [{"sku": "x1", "count": 2}, {"sku": "y2", "count": 0}, {"sku": "z"}],
    "address": {"city": "London", "lines": ["1", "2"], "geo": {"lat": 51.5, "lon": -0.125}},
    "big": 9_223_372_036_854_775_807,
    "due": "2030-01-31T12:00:00Z",
}

_INTS: Final = (
    "0",
    "1",
    "-1",
    "2",
    "7",
    "-13",
    "100",
    "0x1F",
    "9223372036854775807",
    "-9223372036854775808",
)
_DOUBLES: Final = (
    "0.0",
    "1.0",
    "-1.5",
    "2.25",
    "1e3",
    "1e18",
    "9223372036854775807.0",
    "0.1",
    "-0.0",
)
_STRINGS: Final = (
    "''",
    "'a'",
    '"bc"',
    "r'\\d+'",
    "'Ada'",
    "'\\u00e9'",
    "'''x'y'''",
    "'  pad\\t'",
    "'a,b,,c'",
)
_PATTERNS: Final = ("'^a'", "'[A-Z][a-z]+'", "'(a|b)*c$'", "r'\\d'", "''")
_SEPARATORS: Final = ("','", "' '", "'a'", "'bc'")
_NUMERALS: Final = ("'12'", "'-7'", "'9223372036854775808'", "'x'", "'1.5'", "''")
_TIMES: Final = (
    "timestamp('2030-01-31T12:00:00Z')",
    "timestamp('2024-02-29T23:59:59.125+05:30')",
    "timestamp(context.due)",
    "timestamp('0001-01-02T00:00:00Z')",
    "timestamp('nonsense')",
)
_DURATIONS: Final = (
    "duration('90s')",
    "duration('-1h30m')",
    "duration('1.5s')",
    "duration('0s')",
    "duration('x')",
)
_ZONES: Final = ("'Europe/Berlin'", "'UTC'", "'+05:30'", "'-02:00'", "'No/Where'")
_FIELDS: Final = (
    *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
    *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
)
_KINDS: Final = ("bool", "int", "double", "string", "ints", "strings", "timestamp", "duration")
_VALUES: Final[dict[str, tuple[str, ...]]] = {
    "bool": ("true", "false", "context.vip", "context.off"),
    "int": (
        *_INTS,
        "context.amount",
        "context.numbers[1]",
        "context.items[0].count",
        "context.big",
    ),
    "double": (*_DOUBLES, "context.rate", "context.prices[0]", "context.address.geo.lat"),
    "string": (*_STRINGS, "context.name", "context.empty", "context.greek", "context.address.city"),
    "ints": ("[]", "[1, 2, 3]", "context.numbers"),
    "strings": ("['a', 'b']", "context.tags", "context.address['lines']"),
    "timestamp": _TIMES,
    "duration": _DURATIONS,
    "missing": ("context.nope", "context.items[9]", "context.items[2].count", "context.none", "{}"),
}


class Generator:
    """The same expressions for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # the same every time is the point
        self._variables: list[tuple[str, str]] = []

    def expression(self) -> str:
        return self._of(self._pick(_KINDS), self._random.randint(1, 5))

    def _of(self, kind: str, depth: int) -> str:
        chance = self._random.random()
        if chance < 0.03:
            # Not an int for a double, nor the reverse: the language computes with both.
            wrong = {"int", "double"} if kind in {"int", "double"} else set()
            kind = self._pick([other for other in (*_KINDS, "missing") if other not in wrong])
        if kind == "missing" or depth <= 0 or chance < 0.12:
            fitting = [name for name, its in self._variables if its == kind]
            if fitting and self._random.random() < 0.7:
                return self._pick(fitting)
            return self._pick(_VALUES[kind])
        if chance < 0.2:
            condition, one = self._of("bool", depth - 1), self._of(kind, depth - 1)
            return f"({condition} ? {one} : {self._of(kind, depth - 1)})"
        made: str = getattr(self, f"_{kind}")(depth - 1)
        return made

    def _bool(self, depth: int) -> str:
        match self._random.randint(0, 11):
            case 0 | 1 | 2:
                operator = self._pick(("&&", "||"))
                terms = [self._of("bool", depth) for _ in range(self._random.randint(2, 4))]
                return f"({f' {operator} '.join(terms)})"
            case 3:
                return f"!({self._of('bool', depth)})"
            case 4 | 5:
                kind = self._pick(("int", "double", "string", "bool", "timestamp", "duration"))
                other = self._pick(("int", "double")) if kind in {"int", "double"} else kind
                operator = self._pick(("<", "<=", ">", ">="))
                return f"({self._of(kind, depth)} {operator} {self._of(other, depth)})"
            case 6:
                one, other = self._pick(_KINDS), self._pick(_KINDS)
                other = one if self._random.random() < 0.8 else other
                operator = self._pick(("==", "!="))
                return f"({self._of(one, depth)} {operator} {self._of(other, depth)})"
            case 7:
                kind = self._pick(("int", "string"))
                return f"({self._of(kind, depth)} in {self._of(f'{kind}s', depth)})"
            case 8:
                method = self._pick(("contains", "startsWith", "endsWith"))
                return f"{self._of('string', depth)}.{method}({self._of('string', depth)})"
            case 9:
                return f"{self._of('string', depth)}.matches({self._pick(_PATTERNS)})"
            case 10:
                path = self._pick(("context.vip", "context.nope", "context.address.city"))
                return f"has({self._pick((path, 'context.items[2].count', 'context.nope.x'))})"
            case _:
                return self._macro(("all", "exists", "exists_one"), "bool", depth)

    def _int(self, depth: int) -> str:
        match self._random.randint(0, 7):
            case 0 | 1 | 2:
                return self._sum("int", ("+", "-", "*", "/", "%"), depth)
            case 3:
                return f"size({self._of(self._pick(('string', 'ints', 'strings')), depth)})"
            case 4:
                source = self._of(self._pick(("double", "timestamp")), depth)
                return f"int({self._pick((source, self._pick(_NUMERALS)))})"
            case 5:
                zone = self._pick(("", "", self._pick(_ZONES)))
                return f"{self._of('timestamp', depth)}.{self._pick(_FIELDS)}({zone})"
            case 6:
                return f"{self._of('string', depth)}.indexOf({self._of('string', depth)})"
            case _:
                return f"{self._of('ints', depth)}[{self._of('int', 0)}]"

    def _double(self, depth: int) -> str:
        match self._random.randint(0, 4):
            case 0 | 1 | 2:
                return self._sum("double", ("+", "-", "*", "/"), depth)
            case 3:
                return f"double({self._pick((self._of('int', depth), self._pick(_NUMERALS)))})"
            case _:
                function = self._pick(("ceil", "floor", "round", "trunc", "abs", "sign"))
                return f"math.{function}({self._of('double', depth)})"

    def _string(self, depth: int) -> str:
        match self._random.randint(0, 7):
            case 0 | 1:
                return f"({self._of('string', depth)} + {self._of('string', depth)})"
            case 2:
                return f"string({self._of(self._pick(('int', 'bool', 'timestamp')), depth)})"
            case 3:
                method = self._pick(("trim", "lowerAscii", "upperAscii", "reverse"))
                return f"{self._of('string', depth)}.{method}()"
            case 4:
                text, start, end = self._of("string", depth), self._small(), self._small()
                return f"{text}.substring({self._pick((start, f'{start}, {end}'))})"
            case 5:
                old, new = self._of("string", 0), self._of("string", 0)
                return f"{self._of('string', depth)}.replace({old}, {new})"
            case 6:
                return f"{self._of('strings', depth)}.join({self._of('string', 0)})"
            case _:
                return f"{self._of('string', depth)}.charAt({self._small()})"

    def _ints(self, depth: int) -> str:
        return self._list("int", depth)

    def _strings(self, depth: int) -> str:
        if self._random.random() < 0.2:
            return f"{self._of('string', depth)}.split({self._pick(_SEPARATORS)})"
        return self._list("string", depth)

    def _list(self, kind: str, depth: int) -> str:
        match self._random.randint(0, 3):
            case 0:
                items = [self._of(kind, depth) for _ in range(self._random.randint(0, 3))]
                return f"[{', '.join(items)}]"
            case 1:
                return f"({self._of(f'{kind}s', depth)} + {self._of(f'{kind}s', depth)})"
            case 2:
                return self._macro(("filter",), "bool", depth, kind)
            case _:
                return self._macro(("map",), kind, depth)

    def _timestamp(self, depth: int) -> str:
        return f"({self._of('timestamp', depth)} {self._pick('+-')} {self._of('duration', depth)})"

    def _duration(self, depth: int) -> str:
        kind = self._pick(("timestamp", "duration"))
        operator = "-" if kind == "timestamp" else self._pick("+-")
        return f"({self._of(kind, depth)} {operator} {self._of(kind, depth)})"

    def _macro(self, kinds: tuple[str, ...], body: str, depth: int, element: str = "") -> str:
        element = element or self._pick(("int", "string"))
        if len(self._variables) == 2:
            return self._pick(_VALUES["bool" if "all" in kinds else f"{element}s"])
        source, variable = self._of(f"{element}s", depth), f"v{len(self._variables)}"
        self._variables.append((variable, element))
        step = self._of(body, depth)
        self._variables.pop()
        return f"{source}.{self._pick(kinds)}({variable}, {step})"

    def _sum(self, kind: str, operators: tuple[str, ...], depth: int) -> str:
        return f"({self._of(kind, depth)} {self._pick(operators)} {self._of(kind, depth)})"

    def _small(self) -> str:
        return str(self._random.randint(-1, 4))

    def _pick(self, options: tuple[str, ...] | list[str] | str) -> str:
        return self._random.choice(options)
