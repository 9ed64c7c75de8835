"""
Rules about who answers an event, and who never gets to.
"""

from collections.abc import Iterator

from control_plane.engine.configurations import answers
from control_plane.engine.diagnostics import Diagnostic
from control_plane.engine.machine import Machine
from control_plane.engine.procedures import is_descendant
from control_plane.engine.spec.assembling import Assembler
from control_plane.engine.spec.rules.graph import climb
from control_plane.engine.states import State


def shadowed_transition(machine: Machine) -> Iterator[Diagnostic]:
    """A candidate behind one that has no guard."""
    for state in machine.states:
        for several in (*state.on.values(), state.always):
            taken = next((one for one in several if one.guard is None), None)
            if taken is None:
                continue
            for transition in several[several.index(taken) + 1 :]:
                yield Diagnostic(
                    severity="warning",
                    rule="shadowed-transition",
                    json_pointer=transition.json_pointer,
                    message=f"this transition of {state.path!r} is never taken: "
                    f"the one at {taken.json_pointer} comes first and has no guard",
                    remedy="put it first, or guard the other",
                    witness=(taken.json_pointer, transition.json_pointer),
                )


def regions_disagree(machine: Machine) -> Iterator[Diagnostic]:
    """Two regions that answer one event by leaving their parallel state's other regions too."""
    for state in machine.states:
        if state.kind != "parallel":
            continue
        leaving: dict[str, dict[int, str]] = {}
        for transition in machine.transitions:
            region = next(
                (
                    child
                    for child in state.children
                    if transition.source == child
                    or is_descendant(machine.states, transition.source, child)
                ),
                None,
            )
            if region is None or not transition.targets:
                continue
            if any(
                target != region and not is_descendant(machine.states, target, region)
                for target in transition.targets
            ):
                leaving.setdefault(transition.descriptor, {})[region] = transition.json_pointer
        for descriptor, pointers in leaving.items():
            if len(pointers) > 1:
                yield Diagnostic(
                    severity="warning",
                    rule="regions-disagree",
                    json_pointer=state.json_pointer,
                    message=(
                        f"{len(pointers)} regions of {state.path!r} answer "
                        f"{descriptor or 'an eventless transition'!r} by leaving their region; "
                        "the first in the document wins"
                    ),
                    remedy="let the parallel state itself answer the event",
                    witness=tuple(pointers.values()),
                )


def child_hides_parent(machine: Machine) -> Iterator[Diagnostic]:
    """A state that answers an event always, so that a state above it never does meanwhile."""
    for state in machine.states[1:]:
        for descriptor, several in state.on.items():
            if descriptor == "*" or all(one.guard is not None for one in several):
                continue
            if all(one.is_forbidden for one in several):
                continue  # which is what forbidding is for
            above = next(
                (one for one in climb(machine, state.parent) if descriptor in one.on), None
            )
            if above is not None:
                yield Diagnostic(
                    severity="warning",
                    rule="child-hides-parent",
                    json_pointer=several[0].json_pointer,
                    message=(
                        f"while {state.path!r} is active, {above.path!r} never answers "
                        f"{descriptor!r}"
                    ),
                    remedy="leave it if that is meant; otherwise guard it, or name another event",
                    witness=(state.path, above.path),
                )


def raised_to_nobody(machine: Machine, assembler: Assembler) -> Iterator[Diagnostic]:
    """An event that is raised, and that no state answers."""
    descriptors = {one for state in machine.states for one in state.on}
    for kind, pointer in assembler.actions.raised:
        if not any(answers(descriptor, kind) for descriptor in descriptors):
            yield Diagnostic(
                severity="warning",
                rule="raised-to-nobody",
                json_pointer=pointer,
                message=f"no state answers the event {kind!r} that is raised here",
                remedy="add a transition for it, or leave the action out",
                witness=(kind,),
            )


def wildcard_swallows(machine: Machine) -> Iterator[Diagnostic]:
    """A `*` that answers what the engine itself sends to a state above."""
    for state in machine.states[1:]:
        if "*" not in state.on or all(one.is_forbidden for one in state.on["*"]):
            continue
        above = next((one for one in climb(machine, state.parent) if _hears_the_engine(one)), None)
        if above is not None:
            yield Diagnostic(
                severity="warning",
                rule="wildcard-swallows",
                json_pointer=state.on["*"][0].json_pointer,
                message=(
                    f"the '*' of {state.path!r} also answers what {above.path!r} waits for: "
                    "its timers, its tasks' outcomes, its being done"
                ),
                remedy="name the events, or use a prefix such as 'order.*'",
                witness=(state.path, above.path),
            )


def _hears_the_engine(state: State) -> bool:
    return any(descriptor.startswith("xstate.") for descriptor in state.on)
