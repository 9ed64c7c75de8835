"""
One difference between two machines, and the two sides it is between.
"""

import json
from collections.abc import Sequence
from typing import Literal, TypeAlias

from control_plane.engine.machine import Machine
from control_plane.engine.shapes import Shapes
from control_plane.engine.states import State
from control_plane.engine.templates import Computed, Constant, Object, Template
from shared.frozen import frozen

Part: TypeAlias = Literal[
    "kind",
    "initial",
    "order",
    "entry",
    "exit",
    "task",
    "delay",
    "transition",
    "output",
    "history",
    "annotation",
    "context",
    "policy",
]
How: TypeAlias = Literal["added", "removed", "changed"]


@frozen
class Change:
    """
    One difference. `state` is the path in the machine after it, `name` which of its pieces
    it is about (a task, a delay, an event), `before` and `after` how it reads, and
    `aspects` what about it: of a transition guard, actions, target or reenter.
    """

    part: Part
    how: How
    state: str
    name: str = ""
    before: str = ""
    after: str = ""
    aspects: tuple[str, ...] = ()
    before_pointer: str = ""
    after_pointer: str = ""


class Named:
    """The names of a machine's states: the same for a state of both machines."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def __call__(self, index: int) -> str:
        return self._names[index]


class Side:
    """One of the machines, and what its pieces look like in the names of both."""

    def __init__(self, machine: Machine, name_of: Named) -> None:
        self.machine = machine
        self.name_of = name_of
        self.shapes = Shapes(name_of)

    def names(self, indexes: Sequence[int]) -> str:
        return ", ".join(self.name_of(index) for index in indexes)

    def paths(self, indexes: Sequence[int]) -> str:
        """What this machine itself calls states, for people."""
        return ", ".join(self.machine.states[index].path for index in indexes)


Sides: TypeAlias = tuple[Side, Side]


def changed(part: Part, before: State, after: State, was: str, now: str, name: str = "") -> Change:
    """A difference of a state as a whole."""
    return Change(
        part=part,
        how="changed",
        state=after.path,
        name=name,
        before=was,
        after=now,
        before_pointer=before.json_pointer,
        after_pointer=after.json_pointer,
    )


def how(old: object, new: object) -> How:
    """What has happened to something of which there is or is not an old and a new one."""
    return "added" if old is None else "removed" if new is None else "changed"


def value_words(template: Template | None) -> str:
    """A value as it is written, more or less; "" for none."""
    match template:
        case None:
            return ""
        case Constant():
            value = template.value
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        case Computed():
            return template.text
        case Object():
            members = (f"{key}: {value_words(one)}" for key, one in template.members)
            return f"{{{', '.join(members)}}}"
        case _:
            return "…"
