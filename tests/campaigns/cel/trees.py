"""An expression as a tree of texts, so that a smaller one can be made of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias, Union

Part: TypeAlias = Union[str, "Tree"]

SIMPLEST: Final = {
    "bool": ("true", "false"),
    "int": ("0", "1"),
    "double": ("0.0", "1.5"),
    "string": ("''", "'a'"),
    "timestamp": ("timestamp(0)",),
    "duration": ("duration('1s')",),
    "null": ("null",),
    "ints": ("[]", "[1]"),
    "doubles": ("[]", "[1.5]"),
    "strings": ("[]", "['a']"),
    "rows": ("[]", "[[1]]"),
    "map": ("{}", "{'a': 1}"),
}
"""What an expression of a kind is replaced with, to see whether it matters."""


@dataclass(frozen=True, slots=True)
class Tree:
    kind: str
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)

    @property
    def is_leaf(self) -> bool:
        return all(isinstance(part, str) for part in self.parts)

    def below(self) -> "Iterator[Tree]":
        """Every tree inside this one, those nearest to it first."""
        children = [part for part in self.parts if isinstance(part, Tree)]
        yield from children
        for child in children:
            yield from child.below()


def tree(kind: str, *parts: Part) -> Tree:
    return Tree(kind, parts)


def smaller(whole: Tree) -> Iterator[Tree]:
    """
    The trees that differ from this one in a single place, where something simpler stands:
    a part of what stood there, or the simplest values of its kind.
    """
    texts = [text for text in SIMPLEST.get(whole.kind, ()) if len(text) < len(whole.text)]
    yield from (tree(whole.kind, text) for text in texts)
    yield from (part for part in whole.below() if part.kind == whole.kind)
    for place, part in enumerate(whole.parts):
        if isinstance(part, Tree):
            for other in smaller(part):
                yield Tree(whole.kind, (*whole.parts[:place], other, *whole.parts[place + 1 :]))
