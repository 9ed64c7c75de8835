"""
Rules that look at a machine as a whole. Each is a function that yields what it finds.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

from control_plane.engine.machine import Machine
from control_plane.engine.spec.assembling import Assembler
from control_plane.engine.spec.findings import MAX_DIAGNOSTICS, Findings
from control_plane.engine.spec.rules.answering import (
    child_hides_parent,
    regions_disagree,
    shadowed_transition,
    wildcard_swallows,
)
from control_plane.engine.spec.rules.deciding import decided_by_no_task
from control_plane.engine.spec.rules.found import Found
from control_plane.engine.spec.rules.giving import email_input_unread, http_input_unread
from control_plane.engine.spec.rules.graph import Graph
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
    parallel_never_done,
    too_many_combinations,
    unreachable_state,
)
from control_plane.engine.spec.rules.sending import (
    ai_event_not_accepted,
    outcome_of_no_task,
    raised_to_nobody,
)
from control_plane.engine.spec.rules.waiting import task_without_error_path, wait_without_deadline

OF_MACHINES: Final[tuple[Callable[[Graph], Iterator[Found]], ...]] = (
    guarded_eventless_cycle,
    raise_cycle,
    unreachable_state,
    dead_end,
    final_out_of_reach,
    history_of_active,
    too_many_combinations,
    parallel_never_done,
    shadowed_transition,
    regions_disagree,
    child_hides_parent,
    wildcard_swallows,
    wait_without_deadline,
    http_input_unread,
    email_input_unread,
)
OF_SPECS: Final[tuple[Callable[[Graph, Assembler], Iterator[Found]], ...]] = (
    raised_to_nobody,
    outcome_of_no_task,
    task_without_error_path,
    unknown_context_key,
)


def look_at(machine: Machine, assembler: Assembler, findings: Findings) -> None:
    """Ask every rule: first those that refuse, then the others until there is enough to read."""
    graph = Graph.of(machine)
    for found in (
        *eventless_cycle(graph),
        *ai_event_not_accepted(graph, assembler),
        *decided_by_no_task(graph, assembler),
    ):
        findings.add(*found)
    asked = [rule(graph) for rule in OF_MACHINES]
    asked += [rule(graph, assembler) for rule in OF_SPECS]
    for found in chain.from_iterable(asked):
        if findings.warnings >= MAX_DIAGNOSTICS:
            return
        findings.add(*found)
