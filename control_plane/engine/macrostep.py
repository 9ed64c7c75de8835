"""
The loop of the standard: take an event, then eventless transitions and raised events,
one microstep after the other, until nothing is left to do.
"""

from control_plane.engine.configurations import Configuration
from control_plane.engine.failures import LimitReached
from control_plane.engine.limits import FREE_WORK, MAX_MICROSTEPS
from control_plane.engine.machine import Machine
from control_plane.engine.plans import StepPlan, told_of
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
        self.settle()

    def react(self) -> list[Transition]:
        """
        Take the event at hand; the transitions it enabled.

        The caller decides what an event that enabled none means, then calls `settle`.
        """
        turn = self.turn
        event_type = turn.scope["event"]["type"]
        configuration = self.configuration
        selection = configuration.selections.get(event_type)
        if selection is None:
            selection = self.machine.selection(configuration, event_type)
        if selection.work > FREE_WORK:
            turn.spend(selection.work)
        enabled = selection.choose(turn)
        if enabled:
            plan = self.machine.plan(configuration, enabled, turn.history)
            self._carry_out(plan, eventless=False)
            return enabled
        if turn.tracer is not None:
            turn.tracer.step(event_type, eventless=False, chosen=())
        return enabled

    def settle(self) -> None:
        """Eventless transitions first, then raised events, until there is neither."""
        turn = self.turn
        is_restless = True
        while not turn.finished:
            configuration = self.configuration
            if is_restless and configuration.eventless:
                if configuration.eventless_work > FREE_WORK:
                    turn.spend(configuration.eventless_work)
                enabled = configuration.choose_eventless(turn)
                if enabled:
                    self._count()
                    plan = self.machine.plan(configuration, enabled, turn.history)
                    is_restless = self._carry_out(plan, eventless=True)
                    continue
                if turn.tracer is not None:
                    turn.tracer.step(turn.scope["event"]["type"], eventless=True, chosen=())
            if not turn.queue:
                return
            turn.scope["event"] = turn.queue.pop(0)
            self._count()
            self.react()
            is_restless = True

    def leave(self) -> None:
        """Run the exits of everything active."""
        turn = self.turn
        for turn.owner, run in self.machine.end(self.configuration):
            run(turn)

    def _carry_out(self, plan: StepPlan, *, eventless: bool) -> bool:
        """Run a plan; whether it changed anything that an eventless guard could notice."""
        turn = self.turn
        if turn.tracer is not None:
            turn.tracer.step(
                turn.scope["event"]["type"],
                eventless=eventless,
                chosen=tuple(one.json_pointer for one in plan.transitions),
                exited=plan.exited,
                entered=plan.entered,
            )
        if plan.does_nothing:
            return False
        self.handled = True
        if plan.told is not None:
            turn.entries.append(plan.entry or told_of(turn.scope["event"]["type"], plan.told))
        turn.changed = plan.moves
        turn.tasks_of_step = 0
        if plan.work > FREE_WORK:
            turn.spend(plan.work)
        if plan.remembers:
            turn.history = {**turn.history, **plan.remembers}
        for turn.owner, run in plan.operations:
            run(turn)
        self.configuration = plan.to
        turn.active = plan.to.active
        return turn.changed

    def _count(self) -> None:
        turn = self.turn
        turn.microsteps += 1
        if turn.microsteps > MAX_MICROSTEPS:
            raise LimitReached(
                "microsteps per event", actual=turn.microsteps, maximum=MAX_MICROSTEPS
            )
