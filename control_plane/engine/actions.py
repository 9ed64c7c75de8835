"""
What a transition, an entry or an exit does, in order. Each sees what the one before it left.
"""

from dataclasses import dataclass
from typing import Protocol

from control_plane.engine.delays import Delay
from control_plane.engine.failures import ExpressionUnusable
from control_plane.engine.guards import Guard
from control_plane.engine.invocations import TaskPlan
from control_plane.engine.limits import MAX_NAME_LENGTH
from control_plane.engine.templates import Template
from control_plane.engine.turn import EventObject, Turn
from shared.json import Json

OWN_EVENTS = ("xstate.", "task.")
"""How the event types begin that only the engine sends."""


class Action(Protocol):
    """One thing to do."""

    def run(self, turn: Turn) -> None:
        """Change the turn. Raises MacrostepFailed, and then nothing of the turn is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Assign:
    """`@assign`: all values are worked out from the context as it is, then set together."""

    members: tuple[tuple[str, Template], ...]

    def run(self, turn: Turn) -> None:
        # A comprehension is a call of its own before Python 3.12: a third of an assign.
        values: dict[str, Json] = {}
        for key, value in self.members:
            values[key] = value.evaluate(turn)
        turn.assign(values)


class AssignOne(Assign):
    """`@assign` of one key, as most are."""

    __slots__ = ()

    def run(self, turn: Turn) -> None:
        ((key, value),) = self.members
        turn.assign({key: value.evaluate(turn)})


@dataclass(frozen=True, slots=True, eq=False)
class Raise:
    """`@raise`: at once into the internal queue, or after a delay as a timer."""

    event: Template
    delay: Delay | None
    id: Template | None
    json_pointer: str

    def run(self, turn: Turn) -> None:
        event = _event_of(self.event.evaluate(turn), self.json_pointer)
        if self.delay is None:
            turn.raise_event(event)
            return
        timer_id = self.id.evaluate(turn) if self.id is not None else turn.free_timer_id()
        if not isinstance(timer_id, str):
            raise ExpressionUnusable(f"{self.json_pointer}/id", "a timer's id must be a string", "")
        turn.arm_timer(timer_id, self.delay.due(turn), event)


@dataclass(frozen=True, slots=True, eq=False)
class Cancel:
    """`@cancel`: a delayed event is not sent after all."""

    id: Template
    json_pointer: str

    def run(self, turn: Turn) -> None:
        timer_id = self.id.evaluate(turn)
        if not isinstance(timer_id, str):
            raise ExpressionUnusable(f"{self.json_pointer}/id", "a timer's id must be a string", "")
        turn.disarm_timer(timer_id)


@dataclass(frozen=True, slots=True, eq=False)
class Emit:
    """`@emit`: an EVENT_EMITTED entry, which the feed delivers."""

    event: Template
    json_pointer: str

    def run(self, turn: Turn) -> None:
        turn.emit(_event_of(self.event.evaluate(turn), self.json_pointer))


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """`@log`: evaluated always, so that it fails alike for everybody; kept in a trace."""

    value: Template

    def run(self, turn: Turn) -> None:
        value = self.value.evaluate(turn)
        if turn.tracer is not None:
            turn.tracer.log(value)


@dataclass(frozen=True, slots=True, eq=False)
class If:
    """`@if`: the actions of the first branch whose guard holds."""

    branches: tuple[tuple[Guard | None, tuple[Action, ...]], ...]

    def run(self, turn: Turn) -> None:
        for guard, actions in self.branches:
            if guard is None or guard.holds(turn):
                for action in actions:
                    action.run(turn)
                return


@dataclass(frozen=True, slots=True, eq=False)
class CreateTaskAction:
    """`createTask`: a task that outlives the state."""

    plan: TaskPlan

    def run(self, turn: Turn) -> None:
        self.plan.create(turn)


class NamedActions:
    """What an action's name stands for; filled in once the named actions are compiled."""

    __slots__ = ("actions", "work")
    actions: tuple[Action, ...]
    work: int


class Call:
    """An action of the root's `actions`, with the parameters it is used with."""

    __slots__ = ("body", "name", "params")

    def __init__(self, name: str, body: NamedActions, params: Template | None) -> None:
        self.name = name
        self.body = body
        self.params = params

    def run(self, turn: Turn) -> None:
        turn.spend(self.body.work)
        scope = turn.scope
        outer = scope["params"]
        params = self.params.evaluate(turn) if self.params is not None else {}
        for action in self.body.actions:
            scope["params"] = params
            action.run(turn)
        scope["params"] = outer


def _event_of(value: Json, json_pointer: str) -> EventObject:
    pointer = f"{json_pointer}/event"
    if not isinstance(value, dict) or not isinstance(kind := value.get("type"), str) or not kind:
        raise ExpressionUnusable(pointer, "an event must be an object with a `type`, a string", "")
    if len(kind) > MAX_NAME_LENGTH:
        raise ExpressionUnusable(
            pointer, f"an event's type has at most {MAX_NAME_LENGTH} characters; shorten it", ""
        )
    if kind == "*" or kind.startswith(OWN_EVENTS):
        raise ExpressionUnusable(
            pointer, f"the event type {kind!r} is the engine's own; choose another", ""
        )
    return value
