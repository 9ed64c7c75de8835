"""
Rules that look at a machine as a whole. Each is a function that yields what it finds.
"""

from collections.abc import Callable, Iterator

from control_plane.engine.diagnostics import Diagnostic
from control_plane.engine.machine import Machine
from control_plane.engine.spec.assembling import Assembler
from control_plane.engine.spec.findings import Findings
from control_plane.engine.spec.rules.answering import (
    child_hides_parent,
    raised_to_nobody,
    regions_disagree,
    shadowed_transition,
    wildcard_swallows,
)
from control_plane.engine.spec.rules.knowing import unknown_context_key
from control_plane.engine.spec.rules.looping import (
    eventless_cycle,
    guarded_eventless_cycle,
    raise_cycle,
)
from control_plane.engine.spec.rules.reaching import (
    dead_end,
    final_out_of_reach,
    history_of_active,
    too_many_combinations,
    unreachable_state,
)
from control_plane.engine.spec.rules.waiting import task_without_error_path, wait_without_deadline

OF_MACHINES: tuple[Callable[[Machine], Iterator[Diagnostic]], ...] = (
    eventless_cycle,
    guarded_eventless_cycle,
    raise_cycle,
    unreachable_state,
    dead_end,
    final_out_of_reach,
    history_of_active,
    too_many_combinations,
    shadowed_transition,
    regions_disagree,
    child_hides_parent,
    wildcard_swallows,
    wait_without_deadline,
)
OF_SPECS: tuple[Callable[[Machine, Assembler], Iterator[Diagnostic]], ...] = (
    raised_to_nobody,
    task_without_error_path,
    unknown_context_key,
)


def look_at(machine: Machine, assembler: Assembler, findings: Findings) -> None:
    """Ask every rule."""
    found = [diagnostic for rule in OF_MACHINES for diagnostic in rule(machine)]
    found += [diagnostic for rule in OF_SPECS for diagnostic in rule(machine, assembler)]
    for diagnostic in found:
        findings.add(diagnostic)
