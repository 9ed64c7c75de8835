"""
What entering and leaving a state does besides the actions its author wrote.

A plan (plans.py) is a list of these and of those actions.
"""

from dataclasses import dataclass

from control_plane.engine.actions import Action
from control_plane.engine.invocations import Invocation
from control_plane.engine.states import State, Timed
from control_plane.engine.templates import Template
from control_plane.engine.turn import EventObject, Turn

TASKS_PER_WORK = 16
"""Open tasks to be looked through that count as one."""


@dataclass(frozen=True, slots=True, eq=False)
class StartInvoke:
    invocation: Invocation

    def run(self, turn: Turn) -> None:
        turn.changed = True
        self.invocation.plan.create(turn, self.invocation.id)


@dataclass(frozen=True, slots=True, eq=False)
class StopInvokes:
    """Cancel what the state being left has invoked and is still open."""

    state: str

    def run(self, turn: Turn) -> None:
        turn.spend(len(turn.tasks) // TASKS_PER_WORK)
        for ordinal, task in list(turn.tasks.items()):
            if task.invoke_id is not None and task.state == self.state:
                turn.changed = True
                turn.cancel_task(ordinal)


@dataclass(frozen=True, slots=True, eq=False)
class ArmAfter:
    timed: Timed

    def run(self, turn: Turn) -> None:
        timed = self.timed
        turn.arm_timer(timed.timer_id, timed.delay.due(turn), {"type": timed.timer_id})


@dataclass(frozen=True, slots=True, eq=False)
class DisarmAfter:
    timed: Timed

    def run(self, turn: Turn) -> None:
        turn.disarm_timer(self.timed.timer_id)


@dataclass(frozen=True, slots=True, eq=False)
class RaiseDone:
    """A compound has reached its final child, or a parallel has all regions done."""

    state_id: str
    output: Template | None

    def run(self, turn: Turn) -> None:
        turn.raise_event(done_event(self.state_id, self.output, turn))


@dataclass(frozen=True, slots=True, eq=False)
class Finish:
    """The machine is done: its output is worked out with the event that says so."""

    state_id: str
    final_output: Template | None
    output: Template | None

    def run(self, turn: Turn) -> None:
        turn.finished = True
        if self.output is None:
            return
        event = turn.scope["event"]
        turn.scope["event"] = done_event(self.state_id, self.final_output, turn)
        turn.output = self.output.evaluate(turn)
        turn.scope["event"] = event


def done_event(state_id: str, output: Template | None, turn: Turn) -> EventObject:
    """XState's `xstate.done.state.<id>`; `output` is there even when there is none."""
    return {
        "type": f"xstate.done.state.{state_id}",
        "output": output.evaluate(turn) if output is not None else None,
    }


def on_exit(state: State) -> list[Action]:
    """Exit actions, then timers, then invoked tasks."""
    found: list[Action] = [*state.exit, *(DisarmAfter(timed) for timed in state.after)]
    if state.invokes:
        found.append(StopInvokes(state.path))
    return found
