"""
Which arrows a picture has: those of one kind between the same states are one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from control_plane.engine import Machine
from control_plane.engine.states import ROOT, State, Transition
from control_plane.engine.wording import action_words, guard_words, trigger_words

ArrowKind: TypeAlias = Literal["event", "done", "failed", "time", "always"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """
    From state to state, by number, with what stands on it.

    A state that holds others has a door inside of it where an arrow leads between it and
    something within: `source_door` and `target_door` are its number then.
    """

    kind: ArrowKind
    source: int
    target: int
    source_door: int | None
    target_door: int | None
    phrases: tuple[str, ...]


def arrows_of(machine: Machine) -> list[Arrow]:
    """The arrows of all transitions that lead somewhere, in the order of the spec."""
    found: dict[tuple[ArrowKind, int, int], list[str]] = {}
    for transition in machine.transitions:
        source = machine.states[transition.source]
        if _stays(machine, transition):
            continue
        kind = _kind_of(transition.descriptor)
        for place, target in enumerate(transition.targets):
            phrases = found.setdefault((kind, source.index, target), [])
            if not place:
                phrases += phrases_of(machine, transition)
    return [
        Arrow(
            kind=kind,
            source=source,
            target=target,
            source_door=source if _holds(machine, source, target) else None,
            target_door=target if _holds(machine, target, source) else None,
            phrases=tuple(phrases),
        )
        for (kind, source, target), phrases in found.items()
    ]


def inner_of(machine: Machine, state: State) -> list[str]:
    """The transitions of a state that lead nowhere else, each in a phrase."""
    found = []
    for transition in (*state.always, *(one for many in state.on.values() for one in many)):
        if transition.is_forbidden:
            found.append(f"{trigger_words(machine, transition)}: nothing")
        elif _stays(machine, transition):
            again = "again: " if transition.targets else ""
            found.append(again + " ".join(phrases_of(machine, transition)))
    return found


def phrases_of(machine: Machine, transition: Transition) -> list[str]:
    """What stands on the arrow: `PAY`, `[event.sum > 5]`, `/ set paid`."""
    phrases = [trigger_words(machine, transition)]
    if transition.guard is not None:
        phrases.append(f"[{guard_words(machine, transition.guard)}]")
    if transition.actions:
        phrases.append(f"/ {', '.join(action_words(one) for one in transition.actions)}")
    return phrases


def _stays(machine: Machine, transition: Transition) -> bool:
    """Whether it is told inside of its state: it has no target, or a cluster is its own."""
    targets: Sequence[int] = transition.targets
    source = machine.states[transition.source]
    own = (source.index,)
    return not targets or (tuple(targets) == own and (bool(source.children) or own == (ROOT,)))


def _holds(machine: Machine, outer: int, inner: int) -> bool:
    return outer < inner <= machine.states[outer].last


def _kind_of(descriptor: str) -> ArrowKind:
    if not descriptor:
        return "always"
    if descriptor.startswith("xstate.after."):
        return "time"
    if descriptor.startswith("xstate.done.") or (
        descriptor.startswith("task.") and descriptor.endswith(".done")
    ):
        return "done"
    if descriptor.startswith("xstate.error.") or (
        descriptor.startswith("task.") and descriptor.endswith(".failed")
    ):
        return "failed"
    return "event"
