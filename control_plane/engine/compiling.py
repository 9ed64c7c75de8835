"""
A spec in, a machine out; or everything that is wrong with it.
"""

from typing import Any, cast

import orjson

from control_plane.engine.diagnostics import Diagnostic, SpecInvalid
from control_plane.engine.machine import Machine, Unhandled
from control_plane.engine.spec.assembling import Assembler
from control_plane.engine.spec.findings import EnoughFound, Findings, quote
from control_plane.engine.spec.outline import read_outline, wrong_type
from control_plane.engine.spec.reading import read_spec
from control_plane.engine.spec.remembering import check_remembered
from control_plane.engine.spec.rules import look_at

UNHANDLED = ("ignore", "reject", "defer")


def compile_spec(spec: str | bytes | dict[str, Any]) -> Machine:
    """
    The machine a spec means. Raises SpecInvalid with everything found if there is none.

    A dict stands for its compact JSON text, with its keys in their order.
    """
    machine, diagnostics = check_spec(spec)
    if machine is None:
        raise SpecInvalid(diagnostics)
    return machine


def check_spec(
    spec: str | bytes | dict[str, Any],
) -> tuple[Machine | None, tuple[Diagnostic, ...]]:
    """
    The machine, unless there are errors, and all diagnostics, errors first.

    Never raises for what a spec says, whatever it says.
    """
    findings = Findings()
    try:
        machine = _machine(spec, findings)
    except EnoughFound:
        machine = None
    return (None if findings.has_errors() else machine), findings.in_order()


_OUTLINE_STANDS = frozenset({"unknown-key", "old-spelling", "unknown-initial", "missing-initial"})
"""Rules that may be broken without leaving it open which states there are."""


def _machine(spec: str | bytes | dict[str, Any], findings: Findings) -> Machine | None:
    body, spec_hash = read_spec(spec, findings)
    if findings.has_errors():
        return None
    nodes = read_outline(body, findings)
    if not findings.errors_only_of(_OUTLINE_STANDS):
        # What stands in states whose outline is wrong would only repeat the complaint.
        return None
    check_remembered(nodes, findings)
    assembler = Assembler(nodes, findings)
    states = assembler.states()
    context = assembler.context()
    unhandled = _unhandled(body, findings)
    compensates = _on_cancel(body, findings)
    if findings.has_errors():
        return None
    names = {one.descriptor for one in assembler.transitions if not one.descriptor.endswith("*")}
    names.update(kind for kind, _ in assembler.actions.raised)
    machine = Machine(
        spec_hash=spec_hash,
        id=nodes[0].id,
        version=str(body.get("version", "")),
        description=str(body.get("description", "")),
        states=states,
        transitions=tuple(sorted(assembler.transitions, key=lambda one: one.index)),
        context=context,
        unhandled=unhandled,
        task_types=frozenset(assembler.tasks.types),
        functions=frozenset(assembler.tasks.functions),
        needs=frozenset(assembler.tasks.needs),
        task_plans=tuple(assembler.tasks.plans),
        compensates_on_cancel=compensates,
        vocabulary=frozenset(names),
        spec_length=len(orjson.dumps(spec) if isinstance(spec, dict) else spec),
    )
    look_at(machine, assembler, findings)
    return machine


def _unhandled(body: dict[str, Any], findings: Findings) -> Unhandled:
    """Rule: what becomes of an event that nobody answers is one of three things."""
    value = body.get("unhandled", "reject")
    if value in UNHANDLED:
        return cast(Unhandled, value)
    if isinstance(value, str):
        findings.error(
            "wrong-type",
            "/unhandled",
            f"{quote(value)} is no policy for events that nobody answers",
            findings.did_you_mean(value, UNHANDLED),
        )
    else:
        wrong_type(findings, "/unhandled", value, " or ".join(f'"{one}"' for one in UNHANDLED))
    return "reject"


def _on_cancel(body: dict[str, Any], findings: Findings) -> bool:
    """Rule: when an instance is cancelled, its compensations run or they don't."""
    value = body.get("onCancel")
    if value is not None and value != "compensate":
        wrong_type(findings, "/onCancel", value, '"compensate"')
    return value == "compensate"
