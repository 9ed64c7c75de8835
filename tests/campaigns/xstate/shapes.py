"""
The states of a random machine: how they are nested, and how a target may name one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Literal, TypeAlias

MAX_STATES: Final = 14
MAX_DEPTH: Final = 3
MAX_CHILDREN: Final = 3
ROOT_ID: Final = "m"

Kind: TypeAlias = Literal["atomic", "compound", "parallel", "final", "history"]


@dataclass(slots=True, eq=False)
class Node:
    """A state: `body` is what the spec says of it, `id` its own or the one it has by default."""

    key: str
    kind: Kind
    parent: "Node | None"
    id: str
    body: dict[str, Any] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)

    def above(self) -> Iterator["Node"]:
        """Its ancestors, nearest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def path_below(self, ancestor: "Node") -> str:
        """Its path, relative to an ancestor."""
        keys = [self.key]
        for node in self.above():
            if node is ancestor:
                break
            keys.append(node.key)
        return ".".join(reversed(keys))

    @property
    def states(self) -> list["Node"]:
        """Its children but for histories."""
        return [child for child in self.children if child.kind != "history"]

    @property
    def can_be_done(self) -> bool:
        if self.kind == "compound":
            return any(child.kind == "final" for child in self.children)
        if self.kind == "parallel":
            return all(child.can_be_done for child in self.states)
        return self.kind == "final"


def random_states(chance: Random) -> list[Node]:
    """The states of a machine in document order, the root first."""
    root = Node("", chance.choice(("compound", "compound", "parallel")), None, ROOT_ID)
    root.body["id"] = ROOT_ID
    nodes = [root]
    _fill(chance, root, nodes, 0)
    return list(_in_document_order(root))


def spell(chance: Random, source: Node, target: Node) -> str:
    """One of the ways in which `source` may name `target`."""
    ways = [f"#{target.id}"]
    for ancestor in target.above():
        ways.append(f"#{ancestor.id}.{target.path_below(ancestor)}")
        if ancestor is source:
            ways += [f".{target.path_below(source)}"] * 3
        if ancestor is source.parent:
            ways += [target.path_below(ancestor)] * 3
    return chance.choice(ways)


def _fill(chance: Random, parent: Node, nodes: list[Node], depth: int) -> None:
    for number in range(chance.randint(1, MAX_CHILDREN)):
        child = _add(chance, parent, nodes, f"k{number}", _kind(chance, len(nodes), depth))
        if child.kind in {"compound", "parallel"}:
            _fill(chance, child, nodes, depth + 1)
    if parent.kind == "compound" and chance.random() < 0.4:
        _add(chance, parent, nodes, "fin", "final")
    if chance.random() < 0.45:
        _remember(chance, parent, nodes)
    chance.shuffle(parent.children)
    parent.body["states"] = {child.key: child.body for child in parent.children}
    if parent.kind == "compound":
        first = chance.choice([child for child in parent.states if child.kind != "final"])
        parent.body["initial"] = first.key
    else:
        parent.body["type"] = "parallel"


def _kind(chance: Random, count: int, depth: int) -> Kind:
    if depth >= MAX_DEPTH - 1 or count >= MAX_STATES:
        return "atomic"
    return chance.choices(("atomic", "compound", "parallel"), (0.58, 0.25, 0.17))[0]


def _add(chance: Random, parent: Node, nodes: list[Node], key: str, kind: Kind) -> Node:
    node = Node(key, kind, parent, "")
    path = node.path_below(nodes[0])
    node.id = f"{ROOT_ID}.{path}"
    if chance.random() < 0.5:
        node.id = f"s{len(nodes)}"
        node.body["id"] = node.id
    if kind == "final":
        node.body["type"] = kind
    parent.children.append(node)
    nodes.append(node)
    return node


def _remember(chance: Random, parent: Node, nodes: list[Node]) -> None:
    history = _add(chance, parent, nodes, "his", "history")
    history.body["type"] = "history"
    depth = chance.choice((None, True, "shallow", "deep", "deep"))
    if depth is not None:
        history.body["history"] = depth
    if chance.random() < 0.4:
        inside = [node for node in nodes if parent in node.above() and node.kind != "history"]
        history.body["target"] = chance.choice(inside).path_below(parent)


def _in_document_order(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _in_document_order(child)
