"""
Rules about what expressions read, and whether it is ever there.
"""

from collections.abc import Iterator

from control_plane.engine.expressions import Expression
from control_plane.engine.spec.assembling import Assembler
from control_plane.engine.spec.rules.found import Found
from control_plane.engine.spec.rules.graph import Graph
from control_plane.engine.templates import Constant, Object


def unknown_context_key(graph: Graph, assembler: Assembler) -> Iterator[Found]:
    """An expression that reads a key of the context which nothing ever sets."""
    match graph.machine.context:
        case Constant(value=dict() as value):
            known = set(value)
        case Object(members=members):
            known = {key for key, _ in members}
        case _:
            return
    known |= assembler.values.assigned
    missing: dict[str, list[str]] = {}
    for computed in assembler.values.expressions:
        keys = missing.get(computed.text)
        if keys is None:
            keys = missing[computed.text] = _never_set(computed.expression, known)
        for key in keys:
            near = assembler.values.findings.did_you_mean(key, known)
            yield Found(
                "unknown-context-key",
                computed.json_pointer,
                f"nothing ever sets {key!r} in the context, so this will fail",
                f"set it in `context`, or ask with has(); {near}",
                (key,),
            )


def _never_set(expression: Expression, known: set[str]) -> list[str]:
    """The keys of the context that it reads without asking, and that are not known."""
    asked = {path[:2] for path in expression.asks}
    reads = {path[1] for path in expression.reads if path[0] == "context" and path[1:]}
    return sorted(key for key in reads if key not in known and ("context", key) not in asked)
