"""
A machine as a picture: Mermaid's stateDiagram-v2.
"""

from collections.abc import Iterator

from control_plane.engine.machine import Machine
from control_plane.engine.snapshot import Snapshot
from control_plane.engine.states import ROOT, State, Transition
from control_plane.engine.wording import guard_words, trigger_words

MAX_LABEL = 60
"""Characters of a label on an arrow."""

_ACTIVE = "classDef active fill:#2b6cb0,color:#ffffff,stroke:#1a365d"
_PLAIN = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:_-/()[]<>=!&|+*"
)


def render_mermaid(machine: Machine, snapshot: Snapshot | None = None) -> str:
    """
    The machine as Mermaid text; the active leaves of a snapshot are highlighted.

    What an author wrote appears in labels only, without the characters that mean
    something to Mermaid or to HTML.
    """
    lines = ["stateDiagram-v2"]
    root = machine.states[ROOT]
    if root.children:
        lines += _inside(machine, root, "    ")
    else:
        lines.append(f'    state "{_text(root.id)}" as {_name(root)}')
    for transition in machine.transitions:
        lines += (f"    {line}" for line in _arrows(machine, transition))
    if snapshot is not None and snapshot.configuration:
        lines.append(f"    {_ACTIVE}")
        for path in snapshot.configuration:
            lines.append(f"    class {_name(machine.states[machine.index_of[path]])} active")
    return "\n".join(lines) + "\n"


def _inside(machine: Machine, state: State, indent: str) -> Iterator[str]:
    """What stands between the braces of a state."""
    if state.kind == "compound":
        yield f"{indent}[*] --> {_name(machine.states[state.initial])}"
    for place, index in enumerate((*state.children, *state.histories)):
        child = machine.states[index]
        if place and state.kind == "parallel" and child.kind != "history":
            yield f"{indent}--"
        yield from _one(machine, child, indent)


def _one(machine: Machine, state: State, indent: str) -> Iterator[str]:
    name = _name(state)
    label = "H*" if state.deep else "H" if state.kind == "history" else _text(state.key)
    yield f'{indent}state "{label}" as {name}'
    if state.children:
        yield f"{indent}state {name} {{"
        yield from _inside(machine, state, indent + "    ")
        yield f"{indent}}}"
    if state.kind == "final":
        yield f"{indent}{name} --> [*]"
    for invocation in state.invokes:
        yield f"{indent}{name} : task {_text(invocation.plan.name)}"


def _arrows(machine: Machine, transition: Transition) -> Iterator[str]:
    if transition.is_forbidden or (transition.source == ROOT and not transition.targets):
        return
    source = machine.states[transition.source]
    label = _label(machine, transition)
    if source.index == ROOT:
        # Mermaid has no name for the whole diagram: a transition of the root is drawn
        # from each of its states.
        sources = [machine.states[index] for index in source.children] or [source]
    else:
        sources = [source]
    for start in sources:
        for target in transition.targets or (start.index,):
            end = machine.states[target]
            if end.index != ROOT:
                yield f"{_name(start)} --> {_name(end)} : {label}"


def _label(machine: Machine, transition: Transition) -> str:
    words = [trigger_words(machine, transition)]
    if transition.guard is not None:
        words.append(f"[{guard_words(machine, transition.guard)}]")
    return _text(" ".join(words))


def _name(state: State) -> str:
    """An identifier for Mermaid that no author can choose."""
    return f"s{state.index}"


def _text(text: str) -> str:
    plain = "".join(
        character if character in _PLAIN or character.isalnum() else "'" for character in text
    )
    plain = plain.replace("<", "‹").replace(">", "›").replace(":", "∶")
    return plain if len(plain) <= MAX_LABEL else f"{plain[: MAX_LABEL - 1]}…"
