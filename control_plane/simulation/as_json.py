"""
A run as JSON, for programs: every field by its name, times in RFC 3339, lengths in ISO 8601.
"""

from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta

from control_plane.engine.durations import Duration, write_duration
from control_plane.engine.instants import write_instant
from control_plane.simulation.result import PlayedStep, Simulation
from control_plane.simulation.script import Advance, Cancel, Conclude, Send, Step
from shared.json import Json


def simulation_as_json(simulation: Simulation) -> dict[str, Json]:
    """Each step, what happened in it and how things stood then; `stopped` if a limit ended it."""
    return {
        "steps": [_step(one) for one in simulation.steps],
        "stopped": simulation.stopped,
    }


def _step(played: PlayedStep) -> Json:
    return {
        "step": name_of(played.step),
        "at": write_instant(played.at),
        "happenings": [as_json(one) for one in played.happenings],
        **_members(played.seen),
        "timers": as_json(played.timers),
        "deferred": list(played.deferred),
    }


def name_of(step: Step | None) -> str:
    """What a step does, in a few words."""
    match step:
        case None:
            return "start"
        case Send(type=kind):
            return f"send {kind}"
        case Conclude(task=task, outcome=outcome):
            shown = task if isinstance(task, str) else f"number {task}"
            return f"task {shown} {'fails' if outcome.failure else 'succeeds'}"
        case Advance(by=by):
            return f"advance {write_duration(by)}"
        case Cancel(reason=reason):
            return f"cancel: {reason}"


def as_json(value: object) -> Json:
    """A value of this package; what is null or empty in a happening is left out of it."""
    if isinstance(value, datetime):
        return write_instant(value)
    if isinstance(value, Duration | timedelta):
        return write_duration(value)
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    if isinstance(value, dict):
        return {str(key): as_json(one) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {key: one for key, one in _members(value).items() if one not in (None, [], "")}
    assert value is None or isinstance(value, str | int | float)
    return value


def _members(value: object) -> dict[str, Json]:
    assert is_dataclass(value)
    return {one.name: as_json(getattr(value, one.name)) for one in fields(value)}
