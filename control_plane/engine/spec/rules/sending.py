"""
Rules about events that somebody sends and nobody answers, and the other way round.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from control_plane.engine.configurations import descriptors_for
from control_plane.engine.groups import COMPENSATION
from control_plane.engine.naming import state_words
from control_plane.engine.spec.assembling import Assembler
from control_plane.engine.spec.rules.found import Found
from control_plane.engine.spec.rules.graph import Graph, below, climb
from control_plane.engine.states import State

_ACTOR = ("xstate.done.actor.", "xstate.error.actor.")
_TASK_ENDINGS = (".done", ".failed")


def raised_to_nobody(graph: Graph, assembler: Assembler) -> Iterator[Found]:
    """An event that is raised, and that no state answers."""
    descriptors = {one for state in graph.machine.states for one in state.on}
    nobody: dict[str, bool] = {}
    for kind, pointer in assembler.actions.raised:
        if kind not in nobody:
            nobody[kind] = descriptors.isdisjoint(descriptors_for(kind))
        if nobody[kind]:
            yield Found(
                "raised-to-nobody",
                pointer,
                f"no state answers the event {kind!r} that is raised here",
                "add a transition for it, or leave the action out",
                (kind,),
            )


def outcome_of_no_task(graph: Graph, assembler: Assembler) -> Iterator[Found]:
    """A transition for the outcome of a task that nothing creates."""
    states = graph.machine.states
    invoked = {invocation.id for state in states for invocation in state.invokes}
    created = {plan.name for plan in assembler.actions.created} | {COMPENSATION}
    for state in states:
        for descriptor, several in state.on.items():
            name = _task_of(descriptor)
            if several and name is not None and name not in created:
                known, message = created, f"no action creates a task named {name!r}"
            elif (
                several
                and descriptor.startswith(_ACTOR)
                and (name := descriptor.split(".actor.", 1)[1]) not in invoked
                and "*" not in name
            ):
                known, message = invoked, f"no state invokes anything under the id {name!r}"
            else:
                continue
            near = assembler.values.findings.did_you_mean(name, known)
            yield Found(
                "outcome-of-no-task",
                several[0].json_pointer,
                f"{message}, so {descriptor!r} never comes",
                f"correct the name, or leave the transition out; {near}",
                (descriptor,),
            )


def ai_event_not_accepted(graph: Graph, assembler: Assembler) -> Iterator[Found]:
    """An event that an AI task may choose, and that nothing answers while its state is active."""
    answering = _Answering.of(graph)
    for state in graph.machine.states:
        for invocation in state.invokes:
            for at, kind in enumerate(invocation.plan.events):
                if not answering.while_active(state, kind):
                    yield Found(
                        "ai-event-not-accepted",
                        f"{invocation.plan.json_pointer}/events/{at}",
                        f"while {state_words(state.path)} is active, nothing answers {kind!r}, "
                        "which the model may choose",
                        "add a transition for the event, or take it from the list",
                        graph.way_to(state.index) if state.index in graph.via else (state.path,),
                    )
    # A `createTask` outlives its state, so that its choice may come in any.
    for plan in assembler.actions.created:
        for at, kind in enumerate(plan.events):
            if not answering.states(kind):
                yield Found(
                    "ai-event-not-accepted",
                    f"{plan.json_pointer}/events/{at}",
                    f"no state answers {kind!r}, which the model may choose",
                    "add a transition for the event, or take it from the list",
                    (kind,),
                )


@dataclass(slots=True)
class _Answering:
    """Which states answer an event, and which keep those above them from it, as sets of bits."""

    graph: Graph
    by_descriptor: dict[str, int]
    forbidding: dict[str, int]
    known: dict[str, int] = field(default_factory=dict)
    together: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: Graph) -> "_Answering":
        found = cls(graph, {}, {})
        for state in graph.machine.states:
            for descriptor, several in state.on.items():
                does = any(not one.is_forbidden for one in several)
                into = found.by_descriptor if does else found.forbidding
                if several:
                    into[descriptor] = into.get(descriptor, 0) | 1 << state.index
        return found

    def states(self, kind: str) -> int:
        """The states that answer an event."""
        mask = self.known.get(kind)
        if mask is None:
            mask = 0
            for descriptor in descriptors_for(kind):
                mask |= self.by_descriptor.get(descriptor, 0)
            self.known[kind] = mask
        return mask

    def while_active(self, state: State, kind: str) -> int:
        """
        Those of them that may be active together with a state, and are not kept from it.

        What may be active with a state: what is above it and inside it, and the other
        regions of the parallel states around it.
        """
        machine = self.graph.machine
        with_it = self.together.get(state.index)
        if with_it is None:
            with_it = below(state)
            inner = state
            for one in climb(machine, state.index):
                with_it |= 1 << one.index
                if one.kind == "parallel" and one is not inner:
                    with_it |= below(one) & ~below(inner)
                inner = one
            self.together[state.index] = with_it
        forbidding = self.forbidding.get(kind, 0)
        if forbidding:
            above = list(climb(machine, state.index))
            first = next((at for at, one in enumerate(above) if forbidding >> one.index & 1), None)
            for one in above[first + 1 :] if first is not None else ():
                with_it &= ~(1 << one.index)
        return self.states(kind) & with_it


def _task_of(descriptor: str) -> str | None:
    """The name in `task.<name>.done` and `task.<name>.failed`."""
    if not descriptor.startswith("task.") or not descriptor.endswith(_TASK_ENDINGS):
        return None
    return descriptor.removeprefix("task.").rpartition(".")[0] or None
