"""
Rules about what expressions ask for.
"""

from collections.abc import Iterator

from control_plane.engine.diagnostics import Diagnostic
from control_plane.engine.machine import Machine
from control_plane.engine.spec.assembling import Assembler
from control_plane.engine.templates import Constant, Object


def unknown_context_key(machine: Machine, assembler: Assembler) -> Iterator[Diagnostic]:
    """An expression that reads a key of the context which nothing ever sets."""
    match machine.context:
        case Constant(value=dict() as value):
            known = set(value)
        case Object(members=members):
            known = {key for key, _ in members}
        case _:
            return
    known |= assembler.values.assigned
    for computed in assembler.values.expressions:
        expression = computed.expression
        asked = {path[:2] for path in expression.asks}
        reads = {path[1] for path in expression.reads if path[0] == "context" and path[1:]}
        for key in sorted(reads):
            if key not in known and ("context", key) not in asked:
                near = assembler.values.findings.did_you_mean(key, known)
                yield Diagnostic(
                    severity="warning",
                    rule="unknown-context-key",
                    json_pointer=computed.json_pointer,
                    message=f"nothing ever sets {key!r} in the context, so this will fail",
                    remedy=f"set it in `context`, or ask with has(); {near}",
                    witness=(key,),
                )
