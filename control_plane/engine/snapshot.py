"""
An instance at rest: what is active, what it remembers, and what it is waiting for.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal, TypeAlias

from control_plane.engine.frozen import frozen
from shared.json import Json

Status: TypeAlias = Literal["active", "done", "error", "cancelled"]


@frozen
class OpenTask:
    """
    A task whose outcome has not come yet.

    `state` is the path of the state that created it. `invoke_id` is set when the task
    is bound to that state, so that leaving the state cancels it.
    """

    name: str
    type: str
    state: str
    invoke_id: str | None = None
    detached: bool = False


@frozen
class OpenTimer:
    """An armed timer: when it is due, the event it sends, and the state that armed it."""

    due: datetime
    event: dict[str, Json]
    state: str


@frozen
class Snapshot:
    """
    One instance between two events. Values of it are never changed, only replaced.

    `configuration` holds the paths of the active leaves, in document order; everything
    above them is active too. `finishing` is true once the machine has reached its final
    state while tasks it waits for are still open: `status` stays "active" until the last
    of them has ended. `output` is set from then on.
    """

    spec_hash: str
    status: Status = "active"
    configuration: tuple[str, ...] = ()
    history: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    context: dict[str, Json] = field(default_factory=dict)
    output: Json = None
    error: dict[str, Json] | None = None
    tasks: Mapping[int, OpenTask] = field(default_factory=dict)
    timers: Mapping[str, OpenTimer] = field(default_factory=dict)
    next_ordinal: int = 1
    finishing: bool = False
