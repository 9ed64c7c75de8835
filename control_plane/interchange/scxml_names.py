"""
What the states of a definition are called in SCXML, where each needs an id of its own.
"""

import re
from collections.abc import Sequence
from typing import Final

from control_plane.engine.spec.outline import Node

_NOT_IN_IDS: Final = re.compile(r"[^A-Za-z0-9_-]")


def ids_of(nodes: Sequence[Node]) -> dict[int, str]:
    """
    An id for each state, by its place in document order: the state's own id or key where that
    is free and can be one, else its path with `_` between.
    """
    found: dict[int, str] = {}
    taken: set[str] = set()
    for node in nodes:
        own = node.body.get("id")
        wanted = _as_id(own if isinstance(own, str) else node.key)
        if wanted in taken:
            wanted = _as_id(node.path.replace(".", "_"))
        number = 1
        candidate = wanted
        while candidate in taken:
            number += 1
            candidate = f"{wanted}_{number}"
        taken.add(candidate)
        found[node.index] = candidate
    return found


def _as_id(text: str) -> str:
    name = _NOT_IN_IDS.sub("_", text)
    return name if name[:1].isalpha() or name.startswith("_") else f"_{name}"
