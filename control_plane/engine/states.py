"""
The tables of a compiled machine: its states in document order, and their transitions.

A state is its number; a state's descendants are the numbers after it up to `last`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from control_plane.engine.actions import Action
from control_plane.engine.delays import Delay
from control_plane.engine.guards import Guard
from control_plane.engine.invocations import Invocation
from control_plane.engine.templates import Template

Kind: TypeAlias = Literal["atomic", "compound", "parallel", "final", "history"]

ROOT = 0
NO_STATE = -1
"""Parent of the root, and the domain of a transition that exits the root itself."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Transition:
    """
    One transition. Without targets it only runs its actions.

    `descriptor` is what it answers: an event type, a wildcard, or "" for eventless.
    """

    index: int
    source: int
    source_path: str
    descriptor: str
    targets: tuple[int, ...]
    reenter: bool
    guard: Guard | None
    actions: tuple[Action, ...]
    json_pointer: str
    description: str = ""

    @property
    def is_forbidden(self) -> bool:
        """Whether it does nothing but keep ancestors from answering: `E: {}`."""
        return not self.targets and not self.actions


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Timed:
    """An entry of `after`: armed on entry, disarmed on exit."""

    timer_id: str
    delay: Delay


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class State:
    """
    One state. `path` is its keys from the root, joined by dots; the root's is ".".

    `id` is the one that targets and XState's internal events use. `children` are in
    document order and without history states, which are in `histories`.
    """

    index: int
    key: str
    path: str
    id: str
    kind: Kind
    parent: int
    last: int
    children: tuple[int, ...]
    histories: tuple[int, ...]
    initial: int
    initial_actions: tuple[Action, ...]
    entry: tuple[Action, ...]
    exit: tuple[Action, ...]
    invokes: tuple[Invocation, ...]
    after: tuple[Timed, ...]
    on: Mapping[str, tuple[Transition, ...]]
    always: tuple[Transition, ...]
    output: Template | None
    deep: bool
    default: tuple[int, ...]
    tags: tuple[str, ...]
    description: str
    json_pointer: str

    @property
    def is_leaf(self) -> bool:
        return self.kind in {"atomic", "final"}
