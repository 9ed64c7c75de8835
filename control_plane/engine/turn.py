"""
The working state of one macrostep: what the snapshot becomes while actions run.

Nothing here outlives the call of decide() that made it. A macrostep that fails is
dropped with its turn, which is all that "nothing of it is kept" takes.
"""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from control_plane.engine.commands import (
    ArmTimer,
    CancelTask,
    Command,
    CreateTask,
    DisarmTimer,
    StartChild,
)
from control_plane.engine.decision import Entry
from control_plane.engine.expressions import Budget
from control_plane.engine.failures import LimitReached
from control_plane.engine.limits import (
    MAX_ARMED_TIMERS,
    MAX_EMITTED_EVENTS,
    MAX_OPEN_TASKS,
    MAX_QUEUED_EVENTS,
    MAX_TASKS_PER_TRANSITION,
    MAX_WORK,
)
from control_plane.engine.snapshot import OpenGroup, OpenTask, OpenTimer, Snapshot
from control_plane.engine.tracing import Tracer
from shared.json import Json

EventObject = dict[str, Json]

_UNNAMED = re.compile(r"raise\.[0-9]{6,12}", re.ASCII)
"""Ids of timers that their author gave none."""

NO_PARAMS: Final[dict[str, Json]] = {}
"""What expressions see as `params` outside of named guards and actions. Never written to."""


class Turn(Budget):
    """One macrostep in progress, and what its expressions may still cost."""

    # All are set for every turn: a default of the class takes longer to read than to set.
    __slots__ = (
        "active",
        "assigned",
        "before",
        "cancelled",
        "changed",
        "context_bytes",
        "created",
        "emitted",
        "entries",
        "finished",
        "fired",
        "forgotten",
        "groups",
        "history",
        "microsteps",
        "next_ordinal",
        "now",
        "output",
        "owner",
        "queue",
        "scope",
        "spent",
        "tasks",
        "tasks_of_step",
        "timers",
        "tracer",
        "undo",
        "unnamed",
    )

    def __init__(
        self,
        snapshot: Snapshot,
        active: frozenset[int],
        event: EventObject,
        now: datetime,
        about: dict[str, Json],
        tracer: Tracer | None,
    ) -> None:
        self.before = snapshot
        self.active = active
        """What was active before the microstep that is running: guards see this."""
        self.now = now
        self.scope: dict[str, Any] = {
            "context": snapshot.context,
            "event": event,
            "params": NO_PARAMS,
            "task": None,
            "instance": about,
            "now": now,
        }
        self.tracer = tracer

        # Budget's own, without the call.
        self.iterations = self.built = self.returned = 0

        self.history = snapshot.history
        self.tasks = snapshot.tasks
        self.timers = snapshot.timers
        self.groups = snapshot.groups
        self.undo = snapshot.undo
        self.next_ordinal = snapshot.next_ordinal
        self.context_bytes = snapshot.context_bytes
        self.finished = False
        self.output: Json = None

        self.queue: list[EventObject] = []
        self.entries: list[Entry] = []
        self.created: dict[int, CreateTask | StartChild] = {}
        self.cancelled: tuple[int, ...] = ()
        self.forgotten: set[int] | None = None
        self.fired: str | None = None
        self.assigned: dict[str, Json] | None = None
        """What the context got since the event came; None when it is as it was."""

        self.owner = ""
        """The path of the state whose action runs."""
        self.changed = False
        """Whether the microstep did anything that an eventless guard could notice."""
        self.microsteps = 1
        self.tasks_of_step = 0
        self.spent = 0
        self.emitted = 0
        self.unnamed = -1
        """The number of the next timer without a name; not known before there is one."""

    def spend(self, count: int) -> None:
        """Count work that a spec may ask for more often than it is written there."""
        self.spent += count
        if self.spent > MAX_WORK:
            raise LimitReached("work per event", actual=self.spent, maximum=MAX_WORK)

    def assign(self, members: dict[str, Json]) -> None:
        """
        Set members of the context; the dict given is the turn's from now on.

        The context found belongs to a snapshot: it is copied once, and not touched. A trace
        may hold the one that an expression read, so that where there is one, all are copied.
        """
        scope = self.scope
        self.changed = True
        if self.assigned is None:
            scope["context"] = scope["context"] | members
            self.assigned = members
            return
        if self.tracer is not None:
            scope["context"] = {**scope["context"]}
        scope["context"].update(members)
        self.assigned.update(members)

    def raise_event(self, event: EventObject) -> None:
        """Queue an event that the machine sends itself."""
        if len(self.queue) >= MAX_QUEUED_EVENTS:
            raise LimitReached(
                "raised events waiting", actual=len(self.queue) + 1, maximum=MAX_QUEUED_EVENTS
            )
        self.queue.append(event)

    def emit(self, event: EventObject) -> None:
        """Tell the world, by way of the history."""
        self.emitted += 1
        if self.emitted > MAX_EMITTED_EVENTS:
            raise LimitReached(
                "emitted events per event", actual=self.emitted, maximum=MAX_EMITTED_EVENTS
            )
        self.record("EVENT_EMITTED", {"event": event})

    def record(self, kind: str, payload: dict[str, Json], ordinal: int | None = None) -> None:
        self.entries.append(Entry(kind, payload, ordinal))

    def arm_timer(self, timer_id: str, due: datetime, event: EventObject) -> None:
        """Have the event sent at an instant. A timer of the same id is replaced."""
        if timer_id not in self.timers and len(self.timers) >= MAX_ARMED_TIMERS:
            raise LimitReached(
                "armed timers", actual=len(self.timers) + 1, maximum=MAX_ARMED_TIMERS
            )
        self._own_timers()[timer_id] = OpenTimer(due=due, event=event, state=self.owner)

    def free_timer_id(self) -> str:
        """
        An id for a delayed event that nobody will cancel by name.

        It sorts behind those given before, as far as they are still armed: of events that
        are due at the same instant, the one that was raised first comes first.
        """
        if self.unnamed < 0:
            taken = [int(key[6:]) for key in self.timers if _UNNAMED.fullmatch(key)]
            self.unnamed = max(taken, default=-1) + 1
        while f"raise.{self.unnamed:06}" in self.timers:
            self.unnamed += 1
        return f"raise.{self.unnamed:06}"

    def disarm_timer(self, timer_id: str) -> None:
        """Forget a timer; one that is not armed is nobody's concern."""
        if timer_id in self.timers:
            del self._own_timers()[timer_id]

    def use_up_timer(self, timer_id: str) -> None:
        """The timer has fired: armed again, even for the same instant, it is a new one."""
        del self._own_timers()[timer_id]
        self.fired = timer_id

    def create_task(self, task: CreateTask | StartChild, open_task: OpenTask) -> None:
        """Open the task numbered `next_ordinal`."""
        if len(self.tasks) >= MAX_OPEN_TASKS:
            raise LimitReached(
                "open tasks per instance", actual=len(self.tasks) + 1, maximum=MAX_OPEN_TASKS
            )
        ordinal = self.next_ordinal
        self.next_ordinal = ordinal + 1
        self._own_tasks()[ordinal] = open_task
        payload: dict[str, Json] = {"name": open_task.name, "type": open_task.type}
        if isinstance(task, StartChild):
            payload["definition"] = task.definition
        elif task.function is not None:
            payload["function"] = task.function
        if task.compensation is not None:
            payload["compensates"] = task.compensation
        if open_task.detached:
            payload["detached"] = True
        self.created[ordinal] = task
        self.record("TASK_CREATED", payload, ordinal)

    def count_task(self) -> None:
        """Count what a transition creates; a group counts as one."""
        self.tasks_of_step += 1
        if self.tasks_of_step > MAX_TASKS_PER_TRANSITION:
            raise LimitReached(
                "tasks per transition",
                actual=self.tasks_of_step,
                maximum=MAX_TASKS_PER_TRANSITION,
            )

    def keep_group(self, number: int, group: OpenGroup) -> None:
        """Remember a group as it is now."""
        if self.groups is self.before.groups:
            self.groups = dict(self.groups)
        self.groups[number] = group  # type: ignore[index]  # ours since the line above

    def end_group(self, number: int) -> None:
        """Forget a group, and call off what is still open of it."""
        self.groups = {key: group for key, group in self.groups.items() if key != number}
        for ordinal, task in list(self.tasks.items()):
            if task.group == number:
                self.cancel_task(ordinal)

    def let_go(self) -> None:
        """Wait for none of the open tasks any more: they are carried out all the same."""
        self.tasks = {key: replace(task, detached=True) for key, task in self.tasks.items()}
        self.groups = {key: replace(group, detached=True) for key, group in self.groups.items()}

    def close_task(self, ordinal: int) -> None:
        """The task has ended by itself."""
        del self._own_tasks()[ordinal]

    def cancel_task(self, ordinal: int) -> None:
        """
        The task's outcome is no longer wanted.

        One that this very macrostep created never existed: neither a command nor an
        entry tells of it, and its ordinal stays unused.
        """
        group = self.tasks[ordinal].group
        self.close_task(ordinal)
        if group in self.groups:
            self.groups = {key: one for key, one in self.groups.items() if key != group}
        unborn = self.created.pop(ordinal, None)
        if unborn is not None:
            if self.forgotten is None:
                self.forgotten = set()
            self.forgotten.add(ordinal)
            return
        self.cancelled += (ordinal,)
        self.record("TASK_CANCELLED", {}, ordinal)

    def told(self) -> tuple[Entry, ...]:
        """The history of the turn, without the tasks that never existed."""
        forgotten = self.forgotten
        if forgotten is None:
            return tuple(self.entries)
        return tuple(entry for entry in self.entries if entry.ordinal not in forgotten)

    def commands(self) -> tuple[Command, ...]:
        """What has to be done outside: first ends, then beginnings."""
        found: list[Command] = [CancelTask(ordinal=ordinal) for ordinal in self.cancelled]
        found.extend(self.created.values())
        before, after = self.before.timers, self.timers
        if before is not after:
            # Sorted, since a snapshot that was loaded has its timers in another order.
            found.extend(DisarmTimer(timer_id=key) for key in sorted(before) if key not in after)
            for key, timer in sorted(after.items()):
                was = before.get(key)
                if was is None or was.due != timer.due or key == self.fired:
                    found.append(ArmTimer(timer_id=key, due=timer.due))
        return tuple(found)

    def _own_tasks(self) -> dict[int, OpenTask]:
        if self.tasks is self.before.tasks:
            self.tasks = dict(self.tasks)
        return self.tasks  # type: ignore[return-value]  # ours since the line above

    def _own_timers(self) -> dict[str, OpenTimer]:
        if self.timers is self.before.timers:
            self.timers = dict(self.timers)
        return self.timers  # type: ignore[return-value]  # ours since the line above
