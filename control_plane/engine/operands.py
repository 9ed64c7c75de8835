"""
What a guard looks at: the paths it reads, and the values that stand there.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from control_plane.engine.expressions import Expression
from control_plane.engine.failures import MacrostepFailed
from control_plane.engine.guards import And, Condition, Guard, NamedGuard, Not, Or
from control_plane.engine.instants import write_instant
from control_plane.engine.templates import Array, Computed, Object, Template
from control_plane.engine.turn import Turn
from shared.json import Json

_OF_THE_EVENT = frozenset({"event", "task"})
"""Names whose values come with the event."""


def operands_of(guard: Guard, turn: Turn) -> dict[str, Json]:
    """What a guard reads, by the path it reads it at; what is missing is left out."""
    match guard:
        case Condition():
            return _values(guard.computed.expression, turn)
        case And() | Or():
            found: dict[str, Json] = {}
            for one in guard.guards:
                found |= operands_of(one, turn)
            return found
        case Not():
            return operands_of(guard.guard, turn)
        case NamedGuard():
            return _of_named(guard, turn)
        case _:
            return {}


def depends_on_event(guard: Guard, *, type_is_known: bool) -> bool:
    """
    Whether the guard reads what only an event brings.

    `type_is_known` says that the event's type is: reading that alone depends on nothing.
    """
    for path in _paths(guard):
        if path[0] in _OF_THE_EVENT and not (type_is_known and path == ("event", "type")):
            return True
    return False


def _of_named(guard: NamedGuard, turn: Turn) -> dict[str, Json]:
    scope = turn.scope
    outer = scope["params"]
    try:
        scope["params"] = guard.params.evaluate(turn) if guard.params is not None else {}
        return operands_of(guard.body.guard, turn)
    except MacrostepFailed:
        # The guard itself will fail of the same, and say so.
        return {}
    finally:
        scope["params"] = outer


def _values(expression: Expression, turn: Turn) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for path in sorted(expression.reads):
        value: Any = turn.scope
        for key in path:
            if not isinstance(value, dict) or key not in value:
                break
            value = value[key]
        else:
            found[".".join(path)] = write_instant(value) if isinstance(value, datetime) else value
    return found


def _paths(guard: Guard) -> Iterator[tuple[str, ...]]:
    match guard:
        case Condition():
            yield from guard.computed.expression.reads | guard.computed.expression.asks
        case And() | Or():
            for one in guard.guards:
                yield from _paths(one)
        case Not():
            yield from _paths(guard.guard)
        case NamedGuard():
            if guard.params is not None:
                yield from _paths_in(guard.params)
            yield from _paths(guard.body.guard)


def _paths_in(template: Template) -> Iterator[tuple[str, ...]]:
    match template:
        case Computed():
            yield from template.expression.reads | template.expression.asks
        case Object():
            for _, member in template.members:
                yield from _paths_in(member)
        case Array():
            for item in template.items:
                yield from _paths_in(item)
