"""What random expressions grow in: chance, the variables in sight, and what any kind can be."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, TypeAlias, TypeVar

from control_plane.engine.expressions.budget import MAX_NESTED_MACROS
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
Maker: TypeAlias = Callable[[int, str], Tree]
"""Takes how much deeper it may go, and the kind wanted."""


class Soil:
    """Grows the same from the same seed. What there is of each kind is in `makers`."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._variables: list[tuple[str, str]] = []
        self._makers = self.makers()

    def makers(self) -> Mapping[str, Sequence[Maker]]:
        raise NotImplementedError

    def _of(self, kind: str, depth: int, *, wrong: float = WRONG) -> Tree:
        if self._random.random() < wrong:
            kind = self._pick((*KINDS, "missing", "any"))
        if depth <= 0 or kind not in self._makers or self._random.random() < LEAVES:
            return self._leaf(kind)
        chance = self._random.random()
        if chance < 0.06:
            one, other = (self._of(kind, depth - 1, wrong=wrong) for _ in range(2))
            return tree(kind, "(", self._of("bool", depth - 1), " ? ", one, " : ", other, ")")
        if chance < 0.08:
            return tree(kind, "dyn(", self._of(kind, depth - 1, wrong=wrong), ")")
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

    def _macro(self, macro: str, source: str, body: str, depth: int, *, kind: str) -> Tree:
        if len(self._variables) == MAX_NESTED_MACROS:
            return self._leaf(kind)
        variable = self._pick(VARIABLES)
        # The order of a map's keys is nobody's business in CEL, so no list is made of them.
        walked = self._of(source, depth, wrong=WRONG if kind == "bool" else 0)
        self._variables.append((variable, LISTS.get(source, "string")))
        steps = [self._of(body, depth)]
        if macro == "map" and self._random.random() < 0.3:
            steps = [self._of("bool", depth), *steps]
        self._variables.pop()
        parts = [part for step in steps for part in (", ", step)]
        return tree(kind, walked, f".{macro}({variable}", *parts, ")")

    def _pick(self, options: Sequence[Option]) -> Option:
        return self._random.choice(options)
