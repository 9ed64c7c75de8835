"""
Which state a target means.
"""

from typing import Any, TypeAlias

from control_plane.engine.limits import MAX_TARGETS
from control_plane.engine.naming import state_words
from control_plane.engine.spec.findings import EnoughFound, Findings, join, quote
from control_plane.engine.spec.outline import Node, wrong_type

_Through: TypeAlias = dict[int, dict[int, Node]]
"""Of each state that a target is at or below: the first target by the child it is in, or by the
state itself where it is the target."""


class Targets:
    """The states of a spec, to be found by the ways a target can be written."""

    def __init__(self, nodes: list[Node], findings: Findings) -> None:
        self._nodes = nodes
        self._findings = findings
        self._count = 0
        self._by_id: dict[str, Node] = {}
        for node in nodes:
            self._by_id.setdefault(node.id, node)

    def resolve(self, source: Node, value: Any, pointer: str) -> list[Node]:
        """
        The states of a transition's `target`: a string or a list of them.

        Empty when it has none, or when one of them names nothing, having said so.
        """
        if value is None or value in ("", []):
            return []
        if isinstance(value, str):
            found = self.one(source, value, pointer)
            return [] if found is None else [found]
        if not isinstance(value, list):
            wrong_type(self._findings, pointer, value, "a target or a list of targets")
            return []
        self._count += len(value)
        if self._count > MAX_TARGETS:
            self._findings.error(
                "limit-exceeded",
                pointer,
                f"the spec has more than {MAX_TARGETS} targets in lists",
                "let the regions' `initial` say where they begin",
            )
            raise EnoughFound
        several: list[Node | None] = []
        for place, item in enumerate(value):
            if isinstance(item, str):
                several.append(self.one(source, item, join(pointer, place)))
            else:
                wrong_type(self._findings, join(pointer, place), item, "a target")
                several.append(None)
        complete = [node for node in several if node is not None]
        if len(complete) < len(several):
            return []
        self._targets_not_in_regions(complete, pointer)
        return complete

    def one(self, source: Node, target: str, pointer: str) -> Node | None:
        """`#id`, `#id.path`, `.child` of the source, or `sibling.path`."""
        if target.startswith("#"):
            return self.by_id(target, pointer)
        if target.startswith("."):
            return self._walk(source, target[1:], target, pointer)
        if source.parent is None:
            self._findings.error(
                "unknown-target",
                pointer,
                f"the root has no sibling {quote(target)}",
                f"write {f'.{target}'!r} for a child of the root, or '#' and an id",
            )
            return None
        found = self._walk(source.parent, target, target, pointer)
        first = target.partition(".")[0]
        if found is not None and source.child(first) is not None and first != source.key:
            self._findings.warning(
                "ambiguous-target",
                pointer,
                f"{quote(target)} names the sibling of {quote(source.path)}, which has a child "
                f"{quote(first)} too",
                f"write {f'.{target}'!r} if the child is meant, or '#' and an id for the sibling",
                (found.path, f"{source.path}.{first}"),
            )
        return found

    def by_id(self, target: str, pointer: str) -> Node | None:
        """`#id` or `#id.path`. The machine's own id may hold dots."""
        name = target[1:]
        if name in self._by_id:
            return self._by_id[name]
        root = self._nodes[0]
        if name.startswith(f"{root.id}."):
            return self._walk(root, name.removeprefix(f"{root.id}."), target, pointer)
        first, _, rest = name.partition(".")
        node = self._by_id.get(first)
        if node is None:
            self._findings.error(
                "unknown-target",
                pointer,
                f"{quote(target)} names no state: no state has the id {quote(first)}",
                self._findings.did_you_mean(first, self._by_id),
            )
            return None
        return self._walk(node, rest, target, pointer)

    def below(self, node: Node, path: str, pointer: str) -> Node | None:
        """A descendant by its path."""
        return self._walk(node, path, path, pointer)

    def _walk(self, node: Node, path: str, target: str, pointer: str) -> Node | None:
        for key in path.split("."):
            child = node.child(key)
            if child is None:
                self._findings.error(
                    "unknown-target",
                    pointer,
                    f"{quote(target)} names no state: {state_words(node.path)} has no child "
                    f"{quote(key)}",
                    self._findings.did_you_mean(key, [one.key for one in node.children]),
                )
                return None
            node = child
        return node

    def _targets_not_in_regions(self, targets: list[Node], pointer: str) -> None:
        """Rule: several targets are in different regions of a parallel state, pairwise."""
        through: _Through = {}
        for target in targets:
            place = _place(target)
            other = _excluded(through, place)
            if other is not None:
                self._findings.error(
                    "targets-exclude-each-other",
                    pointer,
                    f"{quote(other.path)} and {quote(target.path)} cannot both be entered: they "
                    "are not in different regions of one parallel state",
                    "keep one of them",
                    (other.path, target.path),
                )
                return
            region = place
            for node in (place, *place.above()):
                through.setdefault(node.index, {}).setdefault(region.index, target)
                region = node


def _excluded(through: _Through, place: Node) -> Node | None:
    """An earlier target that cannot be active together with this one."""
    inside = through.get(place.index)
    if inside:
        return next(iter(inside.values()))
    region = place
    for node in place.above():
        regions = through.get(node.index, {})
        if node.index in regions:
            return regions[node.index]
        # Only a parallel state has more than one, so this looks at two at most.
        if node.kind != "parallel":
            for key, other in regions.items():
                if key != region.index:
                    return other
        region = node
    return None


def _place(node: Node) -> Node:
    return node.parent if node.kind == "history" and node.parent is not None else node
