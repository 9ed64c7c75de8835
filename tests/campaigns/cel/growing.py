"""
Random expressions of the whole language: mostly well typed, so that most have a value, and
now and then not, so that errors are compared too.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, TypeVar

from control_plane.engine.expressions.budget import MAX_CHARACTERS, MAX_NESTED_MACROS
from tests.campaigns.cel import material
from tests.campaigns.cel.material import KINDS, VALUES
from tests.campaigns.cel.trees import Tree, tree

WRONG: Final = 0.03
"""How often something of another kind, or without a value, stands in a place."""

LEAVES: Final = 0.12
"""How often a place is not grown any further, however much room there is."""

LISTS: Final = {"ints": "int", "doubles": "double", "strings": "string", "rows": "ints"}
"""The kinds of lists, and of their elements."""

VARIABLES: Final = ("x", "y", "x", "amount")
"""Of macros; one inside another may have the same."""

Option = TypeVar("Option")


class Grower:
    """Grows the same expressions from the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._variables: list[tuple[str, str]] = []
        self._makers: dict[str, Sequence[Callable[[int, str], Tree]]] = {
            "bool": (
                *(self._chain, self._chain, self._negation, self._comparison, self._comparison),
                *(self._equality, self._membership, self._search, self._matches, self._has),
                *(self._quantifier, self._quantifier, self._bool_conversion, self._is_a_number),
            ),
            "int": (
                *(self._int_sum, self._int_sum, self._int_sum, self._size, self._int_conversion),
                *(self._field, self._unit, self._position, self._element, self._int_function),
            ),
            "double": (
                *(self._double_sum, self._double_sum, self._double_conversion),
                *(self._double_function, self._element),
            ),
            "string": (
                *(self._concatenation, self._string_conversion, self._string_method),
                *(self._string_method, self._part, self._replacement, self._join, self._element),
            ),
            "timestamp": (self._shifted, self._shifted, self._timestamp_conversion),
            "duration": (self._duration_sum, self._duration_sum, self._duration_conversion),
            "null": (self._null,),
            **dict.fromkeys(LISTS, (self._list, self._concatenation, self._filter, self._map)),
            "map": (self._map_literal,),
        }

    def expression(self) -> Tree:
        """The next one."""
        while True:
            grown = self._of(self._pick(KINDS), self._random.randint(1, 5))
            if len(grown.text) <= MAX_CHARACTERS:
                return grown

    # -- any kind ----------------------------------------------------------------------------

    def _of(self, kind: str, depth: int, *, wrong: float = WRONG) -> Tree:
        if self._random.random() < wrong:
            kind = self._pick((*KINDS, "missing", "any"))
        if depth <= 0 or kind not in self._makers or self._random.random() < LEAVES:
            return self._leaf(kind)
        chance = self._random.random()
        if chance < 0.06:
            condition = self._of("bool", depth - 1)
            one, other = self._of(kind, depth - 1), self._of(kind, depth - 1)
            return tree(kind, "(", condition, " ? ", one, " : ", other, ")")
        if chance < 0.08:
            return tree(kind, "dyn(", self._of(kind, depth - 1), ")")
        return self._pick(self._makers[kind])(depth - 1, kind)

    def _leaf(self, kind: str) -> Tree:
        hidden: set[str] = set()
        fitting = []
        for name, its in reversed(self._variables):
            if its == kind and name not in hidden:
                fitting.append(name)
            hidden.add(name)
        if fitting and self._random.random() < 0.7:
            return tree(kind, self._pick(fitting))
        return tree(kind, self._pick(VALUES[kind]))

    def _element(self, depth: int, kind: str) -> Tree:
        source = next((name for name, its in LISTS.items() if its == kind), "ints")
        index = self._of(self._pick(("int", "int", "int", "double")), 0)
        if self._random.random() < 0.6:
            index = tree("int", str(self._random.randint(-1, 3)))
        return tree(kind, self._of(source, depth), "[", index, "]")

    def _concatenation(self, depth: int, kind: str) -> Tree:
        return tree(kind, "(", self._of(kind, depth), " + ", self._of(kind, depth), ")")

    # -- bools -------------------------------------------------------------------------------

    def _chain(self, depth: int, _kind: str) -> Tree:
        operator = self._pick((" && ", " || "))
        terms = [self._of("bool", depth) for _ in range(self._random.randint(2, 4))]
        joined = [part for term in terms for part in (operator, term)][1:]
        return tree("bool", "(", *joined, ")")

    def _negation(self, depth: int, _kind: str) -> Tree:
        return tree("bool", self._pick(("!", "!!")), "(", self._of("bool", depth), ")")

    def _comparison(self, depth: int, _kind: str) -> Tree:
        kind = self._pick(("int", "double", "string", "bool", "timestamp", "duration"))
        other = self._pick(("int", "double")) if kind in {"int", "double"} else kind
        operator = self._pick((" < ", " <= ", " > ", " >= "))
        return tree("bool", "(", self._of(kind, depth), operator, self._of(other, depth), ")")

    def _equality(self, depth: int, _kind: str) -> Tree:
        one = self._pick((*KINDS, "any"))
        other = one if self._random.random() < 0.7 else self._pick((*KINDS, "any"))
        operator = self._pick((" == ", " != "))
        return tree("bool", "(", self._of(one, depth), operator, self._of(other, depth), ")")

    def _membership(self, depth: int, _kind: str) -> Tree:
        container = self._pick((*LISTS, "map", "any"))
        kind = LISTS.get(container, "string")
        if self._random.random() < 0.2:
            kind = self._pick(KINDS)
        return tree("bool", "(", self._of(kind, depth), " in ", self._of(container, depth), ")")

    def _search(self, depth: int, _kind: str) -> Tree:
        method = self._pick((".contains(", ".startsWith(", ".endsWith("))
        return tree("bool", self._of("string", depth), method, self._of("string", depth), ")")

    def _matches(self, depth: int, _kind: str) -> Tree:
        pattern = tree("string", self._pick(material.PATTERNS))
        if self._random.random() < 0.2:
            pattern = self._of("string", 1)
        if self._random.random() < 0.2:
            return tree("bool", "matches(", self._of("string", depth), ", ", pattern, ")")
        return tree("bool", self._of("string", depth), ".matches(", pattern, ")")

    def _has(self, depth: int, _kind: str) -> Tree:
        paths = ("vip", "nope", "address.city", "items[2].count", "nope.x", "none.x", "stock.a")
        if self._random.random() < 0.6:
            return tree("bool", "has(context.", self._pick(paths), ")")
        return tree("bool", "has(", self._of("map", depth), self._pick((".a)", ".z)", ".q)")))

    def _quantifier(self, depth: int, _kind: str) -> Tree:
        macro = self._pick(("all", "exists", "exists_one"))
        return self._macro(macro, self._pick((*LISTS, "map")), "bool", depth, kind="bool")

    def _bool_conversion(self, depth: int, _kind: str) -> Tree:
        if self._random.random() < 0.5:
            return tree("bool", "bool(", tree("string", self._pick(material.TEXTS_OF_BOOLS)), ")")
        return tree("bool", "bool(", self._of("bool", depth), ")")

    def _is_a_number(self, depth: int, _kind: str) -> Tree:
        function = self._pick(("isNaN", "isInf", "isFinite"))
        return tree("bool", f"math.{function}(", self._of("double", depth), ")")

    # -- numbers -----------------------------------------------------------------------------

    def _int_sum(self, depth: int, _kind: str) -> Tree:
        if self._random.random() < 0.1:
            return tree("int", self._pick(("-(", "-(", "--(")), self._of("int", depth), ")")
        operator = self._pick((" + ", " - ", " * ", " / ", " % "))
        return tree("int", "(", self._of("int", depth), operator, self._of("int", depth), ")")

    def _double_sum(self, depth: int, _kind: str) -> Tree:
        """Now and then of an int and a double, which CEL at large refuses."""
        if self._random.random() < 0.1:
            return tree("double", "-", self._of("double", 0))
        kinds = ["double", self._pick(("double", "double", "double", "int"))]
        self._random.shuffle(kinds)
        operator = self._pick((" + ", " - ", " * ", " / "))
        one, other = (self._of(kind, depth) for kind in kinds)
        return tree("double", "(", one, operator, other, ")")

    def _size(self, depth: int, _kind: str) -> Tree:
        sized = self._of(self._pick(("string", *LISTS, "map")), depth)
        if self._random.random() < 0.5:
            return tree("int", "size(", sized, ")")
        return tree("int", sized, ".size()")

    def _int_conversion(self, depth: int, _kind: str) -> Tree:
        if self._random.random() < 0.3:
            return tree("int", "int(", tree("string", self._pick(material.TEXTS_OF_INTS)), ")")
        kind = self._pick(("double", "double", "timestamp", "int", "string"))
        return tree("int", "int(", self._of(kind, depth), ")")

    def _double_conversion(self, depth: int, _kind: str) -> Tree:
        if self._random.random() < 0.4:
            text = tree("string", self._pick(material.TEXTS_OF_DOUBLES))
            return tree("double", "double(", text, ")")
        return tree("double", "double(", self._of(self._pick(("int", "double")), depth), ")")

    def _field(self, depth: int, _kind: str) -> Tree:
        zone = tree("string", self._pick(("", "", self._pick(material.ZONES))))
        method = f".{self._pick(material.FIELDS)}("
        return tree("int", self._of("timestamp", depth), method, zone, ")")

    def _unit(self, depth: int, _kind: str) -> Tree:
        return tree("int", self._of("duration", depth), f".{self._pick(material.UNITS)}()")

    def _position(self, depth: int, _kind: str) -> Tree:
        method = self._pick((".indexOf(", ".lastIndexOf("))
        start = self._pick(("", f", {self._random.randint(-1, 5)}"))
        return tree("int", self._of("string", depth), method, self._of("string", 1), start, ")")

    def _int_function(self, depth: int, _kind: str) -> Tree:
        function = self._pick(("abs", "sign", "greatest", "least"))
        if function in {"abs", "sign"}:
            return tree("int", f"math.{function}(", self._of("int", depth), ")")
        return self._extreme(function, "int", depth)

    def _double_function(self, depth: int, _kind: str) -> Tree:
        function = self._pick(
            ("ceil", "floor", "round", "trunc", "abs", "sign", "sqrt", "greatest", "least")
        )
        if function in {"greatest", "least"}:
            return self._extreme(function, "double", depth)
        kind = self._pick(("double", "int")) if function == "sqrt" else "double"
        return tree("double", f"math.{function}(", self._of(kind, depth), ")")

    def _extreme(self, function: str, kind: str, depth: int) -> Tree:
        """The runtime refuses a wrong literal here before anything runs, so there is none."""
        if self._random.random() < 0.3:
            source = f"context.{self._pick(('numbers', 'prices', 'mixed'))}"
            return tree(kind, f"math.{function}({source})")
        kinds = [self._pick(("int", "double")) for _ in range(self._random.randint(1, 3))]
        values = [self._of(one, depth, wrong=0) for one in kinds]
        joined = [part for value in values for part in (", ", value)][1:]
        return tree(kind, f"math.{function}(", *joined, ")")

    # -- strings -----------------------------------------------------------------------------

    def _string_conversion(self, depth: int, _kind: str) -> Tree:
        kind = self._pick(("int", "bool", "double", "string", "timestamp", "duration"))
        return tree("string", "string(", self._of(kind, depth), ")")

    def _string_method(self, depth: int, _kind: str) -> Tree:
        method = self._pick(("trim", "lowerAscii", "upperAscii", "reverse"))
        return tree("string", self._of("string", depth), f".{method}()")

    def _part(self, depth: int, _kind: str) -> Tree:
        start, end = (str(self._random.randint(-1, 5)) for _ in range(2))
        call = self._pick((f"charAt({start})", f"substring({start})", f"substring({start}, {end})"))
        return tree("string", self._of("string", depth), f".{call}")

    def _replacement(self, depth: int, _kind: str) -> Tree:
        limit = self._pick(("", "", f", {self._random.randint(-1, 2)}"))
        parts = (self._of("string", 0), ", ", self._of("string", 0))
        return tree("string", self._of("string", depth), ".replace(", *parts, limit, ")")

    def _join(self, depth: int, _kind: str) -> Tree:
        separator = self._pick(("", *material.SEPARATORS))
        return tree("string", self._of("strings", depth), f".join({separator})")

    # -- times -------------------------------------------------------------------------------

    def _shifted(self, depth: int, _kind: str) -> Tree:
        moment, length = self._of("timestamp", depth), self._of("duration", depth)
        if self._random.random() < 0.2:
            return tree("timestamp", "(", length, " + ", moment, ")")
        return tree("timestamp", "(", moment, self._pick((" + ", " - ")), length, ")")

    def _timestamp_conversion(self, depth: int, _kind: str) -> Tree:
        text = tree("string", self._pick(material.TEXTS_OF_TIMESTAMPS))
        seconds = tree("int", str(self._random.randint(-70_000_000_000, 300_000_000_000)))
        value = self._pick((text, seconds, self._of("int", depth), self._of("timestamp", depth)))
        return tree("timestamp", "timestamp(", value, ")")

    def _duration_sum(self, depth: int, _kind: str) -> Tree:
        kind = self._pick(("timestamp", "duration"))
        operator = " - " if kind == "timestamp" else self._pick((" + ", " - "))
        return tree("duration", "(", self._of(kind, depth), operator, self._of(kind, depth), ")")

    def _duration_conversion(self, depth: int, _kind: str) -> Tree:
        text = tree("string", self._pick(material.TEXTS_OF_DURATIONS))
        return tree("duration", "duration(", self._pick((text, self._of("duration", depth))), ")")

    # -- null, lists, maps -------------------------------------------------------------------

    def _null(self, depth: int, _kind: str) -> Tree:
        return tree("null", "(", self._of("bool", depth), " ? null : ", self._of("null", 0), ")")

    def _list(self, depth: int, kind: str) -> Tree:
        if kind == "strings" and self._random.random() < 0.4:
            limit = self._pick(("", "", f", {self._random.randint(-1, 3)}"))
            separator = self._pick(material.SEPARATORS)
            return tree(kind, self._of("string", depth), f".split({separator}{limit})")
        items = [self._of(LISTS[kind], depth) for _ in range(self._random.randint(0, 3))]
        joined = [part for item in items for part in (", ", item)][1:]
        return tree(kind, "[", *joined, "]")

    def _filter(self, depth: int, kind: str) -> Tree:
        return self._macro("filter", kind, "bool", depth, kind=kind)

    def _map(self, depth: int, kind: str) -> Tree:
        return self._macro("map", self._pick(tuple(LISTS)), LISTS[kind], depth, kind=kind)

    def _macro(self, macro: str, source: str, body: str, depth: int, *, kind: str) -> Tree:
        if len(self._variables) == MAX_NESTED_MACROS:
            return self._leaf(kind)
        variable = self._pick(VARIABLES)
        walked = self._of(source, depth)
        self._variables.append((variable, LISTS.get(source, "string")))
        steps = [self._of(body, depth)]
        if macro == "map" and self._random.random() < 0.3:
            steps = [self._of("bool", depth), *steps]
        self._variables.pop()
        parts = [part for step in steps for part in (", ", step)]
        return tree(kind, walked, f".{macro}({variable}", *parts, ")")

    def _map_literal(self, depth: int, _kind: str) -> Tree:
        keys = self._random.sample(("'a'", "'z'", "'q'", "'b' + 'c'"), self._random.randint(0, 3))
        entries = [(", ", f"{key}: ", self._of("int", depth)) for key in keys]
        joined = [part for entry in entries for part in entry][1:]
        return tree("map", "{", *joined, "}")

    def _pick(self, options: Sequence[Option]) -> Option:
        return self._random.choice(options)
