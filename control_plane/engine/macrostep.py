"""
The loop of the standard: take an event, then eventless transitions and raised events,
one microstep after the other, until nothing is left to do.
"""

from datetime import datetime

from control_plane.engine.configurations import Configuration
from control_plane.engine.failures import LimitReached
from control_plane.engine.limits import FREE_WORK, MAX_MICROSTEPS
from control_plane.engine.machine import Machine
from control_plane.engine.plans import StepPlan, told_of
from control_plane.engine.snapshot import Snapshot
from control_plane.engine.states import Transition
from control_plane.engine.tracing import Tracer
from control_plane.engine.turn import EventObject, Turn


class Macrostep(Turn):
    """One run of the loop: a turn, and where in its machine it has got to."""

    __slots__ = ("configuration", "handled", "machine")

    def __init__(
        self,
        machine: Machine,
        configuration: Configuration,
        snapshot: Snapshot,
        event: EventObject,
        now: datetime,
        tracer: Tracer | None,
    ) -> None:
        # Not by super(), which takes longer to make than Macrostep's own members to set.
        Turn.__init__(self, snapshot, configuration.active, event, now, machine.about, tracer)
        self.machine = machine
        self.configuration = configuration
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
        event_type = self.scope["event"]["type"]
        configuration = self.configuration
        selection = configuration.selections.get(event_type)
        if selection is None:
            selection = self.machine.selection(configuration, event_type)
        if selection.work > FREE_WORK:
            self.spend(selection.work)
        enabled = selection.choose(self)
        if enabled:
            plan = self.machine.plan(configuration, enabled, self.history)
            self._carry_out(plan, eventless=False)
        elif self.tracer is not None:
            self.tracer.step(event_type, eventless=False, chosen=())
        return enabled

    def settle(self) -> None:
        """Eventless transitions first, then raised events, until there is neither."""
        is_restless = True
        while not self.finished:
            configuration = self.configuration
            if is_restless and configuration.eventless:
                if configuration.eventless_work > FREE_WORK:
                    self.spend(configuration.eventless_work)
                enabled = configuration.choose_eventless(self)
                if enabled:
                    self._count()
                    plan = self.machine.plan(configuration, enabled, self.history)
                    is_restless = self._carry_out(plan, eventless=True)
                    continue
                if self.tracer is not None:
                    self.tracer.step(self.scope["event"]["type"], eventless=True, chosen=())
            if not self.queue:
                return
            self.scope["event"] = self.queue.pop(0)
            self._count()
            self.react()
            is_restless = True

    def leave(self) -> None:
        """Run the exits of everything active."""
        for owner, run in self.machine.end(self.configuration):
            self.owner = owner
            run(self)

    def _carry_out(self, plan: StepPlan, *, eventless: bool) -> bool:
        """Run a plan; whether it changed anything that an eventless guard could notice."""
        if self.tracer is not None:
            self.tracer.step(
                self.scope["event"]["type"],
                eventless=eventless,
                chosen=tuple(one.json_pointer for one in plan.transitions),
                exited=plan.exited,
                entered=plan.entered,
            )
        if plan.does_nothing:
            return False
        self.handled = True
        if plan.told is not None:
            self.entries.append(plan.entry or told_of(self.scope["event"]["type"], plan.told))
        self.changed = plan.moves
        self.tasks_of_step = 0
        if plan.work > FREE_WORK:
            self.spend(plan.work)
        if plan.remembers:
            self.history = {**self.history, **plan.remembers}
        for self.owner, run in plan.operations:
            run(self)
        self.configuration = plan.to
        self.active = plan.to.active
        return self.changed

    def _count(self) -> None:
        self.microsteps += 1
        if self.microsteps > MAX_MICROSTEPS:
            raise LimitReached(
                "microsteps per event", actual=self.microsteps, maximum=MAX_MICROSTEPS
            )
