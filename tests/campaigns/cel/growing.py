"""
Random expressions of the whole language: mostly well typed, so that most have a value, and
now and then not, so that errors are compared too.
"""

from collections.abc import Mapping, Sequence

from control_plane.engine.expressions.budget import MAX_CHARACTERS
from tests.campaigns.cel import material
from tests.campaigns.cel.growing_scalars import Scalars
from tests.campaigns.cel.material import KINDS
from tests.campaigns.cel.soil import LISTS, Maker
from tests.campaigns.cel.trees import Tree, tree


class Grower(Scalars):
    def expression(self) -> Tree:
        """The next one."""
        while True:
            grown = self._of(self._pick(KINDS), self._random.randint(1, 5))
            if len(grown.text) <= MAX_CHARACTERS:
                return grown

    def makers(self) -> Mapping[str, Sequence[Maker]]:
        """How often each of a kind's ways is taken."""
        return {
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

    def _map_literal(self, depth: int, _kind: str) -> Tree:
        keys = self._random.sample(("'a'", "'z'", "'q'", "'b' + 'c'"), self._random.randint(0, 3))
        entries = [(", ", f"{key}: ", self._of("int", depth)) for key in keys]
        joined = [part for entry in entries for part in entry][1:]
        return tree("map", "{", *joined, "}")
