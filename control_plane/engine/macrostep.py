"""
The loop of the standard: take an event, then eventless transitions and raised events,
one microstep after the other, until nothing is left to do.
"""

from collections.abc import Sequence

from control_plane.engine.configurations import Configuration
from control_plane.engine.failures import LimitReached
from control_plane.engine.limits import MAX_MICROSTEPS
from control_plane.engine.machine import Machine
from control_plane.engine.plans import Operation, StepPlan
from control_plane.engine.states import Transition
from control_plane.engine.turn import Turn


class Macrostep:
    """One run of the loop. `configuration` is where it has got to."""

    __slots__ = ("configuration", "handled", "machine", "turn")

    def __init__(self, machine: Machine, configuration: Configuration, turn: Turn) -> None:
        self.machine = machine
        self.configuration = configuration
        self.turn = turn
        self.handled = False
        """Whether anything was done at all, forbidding transitions apart."""

    def start(self) -> None:
        """Enter the machine, and run to rest."""
        self._carry_out(self.machine.start(), eventless=False)
        self._settle()

    def react(self) -> list[Transition]:
        """
        Take the event that the turn was made for; the transitions it enabled.

        The caller decides what an event that enabled none means, then calls `settle`.
        """
        return self._take()

    def settle(self) -> None:
        """Eventless transitions first, then raised events, until there is neither."""
        self._settle()

    def leave(self) -> None:
        """Run the exits of everything active."""
        self._run(self.machine.end(self.configuration))

    def _settle(self) -> None:
        turn = self.turn
        is_restless = True
        while not turn.finished:
            if is_restless:
                enabled = self.configuration.choose_eventless(turn)
                if enabled:
                    is_restless = self._step(enabled, eventless=True)
                    continue
                if turn.tracer is not None:
                    turn.tracer.step(turn.scope["event"]["type"], eventless=True, chosen=())
            if not turn.queue:
                return
            turn.scope["event"] = turn.queue.pop(0)
            self._take()
            is_restless = True

    def _take(self) -> list[Transition]:
        turn = self.turn
        event_type = turn.scope["event"]["type"]
        selection = self.machine.selection(self.configuration, event_type)
        enabled = selection.choose(turn)
        if enabled:
            self._step(enabled, eventless=False)
            return enabled
        self._count()
        if turn.tracer is not None:
            turn.tracer.step(event_type, eventless=False, chosen=())
        return enabled

    def _step(self, enabled: Sequence[Transition], *, eventless: bool) -> bool:
        plan = self.machine.plan(self.configuration, enabled, self.turn.history)
        return self._carry_out(plan, eventless=eventless)

    def _carry_out(self, plan: StepPlan, *, eventless: bool) -> bool:
        """Run a plan; whether it changed anything that an eventless guard could notice."""
        turn = self.turn
        self._count()
        event_type = turn.scope["event"]["type"]
        if turn.tracer is not None:
            turn.tracer.step(
                event_type,
                eventless=eventless,
                chosen=tuple(one.json_pointer for one in plan.transitions),
                exited=plan.exited,
                entered=plan.entered,
            )
        if plan.does_nothing:
            return False
        self.handled = True
        if plan.told is not None:
            turn.record("STATE_TRANSITION", {"event": event_type, **plan.told})
        turn.changed = plan.moves
        turn.tasks_of_step = 0
        if plan.remembers:
            turn.history = {**turn.history, **plan.remembers}
        self._run(plan.operations)
        self.configuration = plan.to
        turn.active = plan.to.active
        return turn.changed

    def _run(self, operations: tuple[Operation, ...]) -> None:
        turn = self.turn
        for owner, run in operations:
            turn.owner = owner
            run(turn)

    def _count(self) -> None:
        turn = self.turn
        turn.microsteps += 1
        if turn.microsteps > MAX_MICROSTEPS:
            raise LimitReached(
                "microsteps per event", actual=turn.microsteps, maximum=MAX_MICROSTEPS
            )
