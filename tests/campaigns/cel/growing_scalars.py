"""Random numbers, strings and times."""

from tests.campaigns.cel import material
from tests.campaigns.cel.soil import LISTS, Soil
from tests.campaigns.cel.trees import Tree, tree


class Scalars(Soil):
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
