"""
What a spec's history states can have to remember: an instance carries it in its snapshot.
"""

from control_plane.engine.limits import MAX_REMEMBERED
from control_plane.engine.spec.findings import Findings
from control_plane.engine.spec.outline import Node


def check_remembered(nodes: list[Node], findings: Findings) -> None:
    """Rule: history states remember no more together than a snapshot can hold."""
    leaves = _leaves(nodes)
    together = 0
    for node in nodes:
        if node.kind != "history" or node.parent is None:
            continue
        if node.body.get("history") == "deep":
            together += leaves[node.parent.index]
        else:
            together += len(node.parent.states) if node.parent.kind == "parallel" else 1
        if together > MAX_REMEMBERED:
            findings.error(
                "limit-exceeded",
                node.pointer,
                f"the history states up to this one can remember {together} states together; "
                f"the limit is {MAX_REMEMBERED}",
                "leave out those that are inside of another, or make them shallow",
            )
            return


def _leaves(nodes: list[Node]) -> list[int]:
    """Of each state, how many leaves inside of it can be active at a time."""
    found = [1] * len(nodes)
    for node in reversed(nodes):
        inside = [found[child.index] for child in node.states]
        if node.kind == "parallel":
            found[node.index] = sum(inside)
        elif node.kind == "compound":
            found[node.index] = max(inside, default=1)
    return found
