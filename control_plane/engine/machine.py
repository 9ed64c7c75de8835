"""
A compiled spec: its tables, and the plans that follow from them, worked out as needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from control_plane.engine.actions import OWN_EVENTS
from control_plane.engine.configurations import Configuration, Selection, descriptors_for
from control_plane.engine.invocations import TaskPlan
from control_plane.engine.limits import MAX_PLANNED_BYTES
from control_plane.engine.plans import (
    Operation,
    StepPlan,
    plan_end,
    plan_start,
    plan_step,
)
from control_plane.engine.procedures import Record
from control_plane.engine.snapshot import Snapshot
from control_plane.engine.states import ROOT, State, Transition
from control_plane.engine.templates import Template
from control_plane.engine.weighing import (
    weigh_configuration,
    weigh_plan,
    weigh_selection,
    weigh_tables,
)
from shared.json import Json

Unhandled: TypeAlias = Literal["ignore", "reject", "defer"]


@dataclass(slots=True, eq=False, kw_only=True)
class Machine:
    """
    What a spec means. Nothing of it changes but its caches, which are bounded.

    `spec_hash` is the SHA-256 of the stored text, in hex. `task_types` and `functions`
    are what its tasks need of executors; `needs` names what it asks of the runtime
    beyond tasks and timers: "children", for the command StartChild.
    """

    spec_hash: str
    id: str
    version: str
    description: str
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]
    context: Template
    unhandled: Unhandled
    task_types: frozenset[str]
    functions: frozenset[str]
    needs: frozenset[str]
    task_plans: tuple[TaskPlan, ...]
    compensates_on_cancel: bool
    vocabulary: frozenset[str]
    """The event types that the spec names, without wildcards."""

    spec_length: int
    """Characters of the spec's text."""

    about: dict[str, Json] = field(init=False)
    """What expressions see as `instance`."""

    index_of: Mapping[str, int] = field(init=False)
    """States by path."""

    sendable: frozenset[str] = field(init=False)
    """Of the vocabulary, what senders may send: none of the engine's own event types."""

    _answering: dict[str, list[int]] = field(init=False)
    """The states that have transitions for a descriptor."""

    _has_histories: bool = field(init=False)
    _configurations: dict[tuple[str, ...], Configuration] = field(init=False, default_factory=dict)
    _planned_bytes: int = field(init=False, default=0)
    _start: StepPlan | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.about = {"definition": self.id}
        self.index_of = {state.path: state.index for state in self.states}
        self.sendable = frozenset(
            one for one in self.vocabulary if one and not one.startswith(OWN_EVENTS)
        )
        self._answering = {}
        for state in self.states:
            for descriptor in state.on:
                self._answering.setdefault(descriptor, []).append(state.index)
        self._has_histories = any(state.kind == "history" for state in self.states)

    @property
    def memory(self) -> int:
        """About how many bytes it takes, and what it keeps with it."""
        return weigh_tables(self.spec_length) + self._planned_bytes

    def accepts(self, snapshot: Snapshot) -> tuple[str, ...]:
        """
        The event types that a sender may send now, innermost state first.

        Guards are not asked: they may depend on the payload. Wildcards are given as
        they are written. Nothing once the instance is closed or finishing.
        """
        if snapshot.status != "active" or snapshot.finishing:
            return ()
        configuration = self.configuration(snapshot.configuration)
        found: dict[str, None] = {}
        forbidden: set[str] = set()
        for index in sorted(configuration.active, key=lambda one: (-self.depth(one), one)):
            for descriptor, transitions in self.states[index].on.items():
                if descriptor.startswith(OWN_EVENTS) or descriptor in forbidden:
                    continue
                if all(one.is_forbidden for one in transitions):
                    if descriptor not in found and transitions:
                        forbidden.add(descriptor)
                    continue
                found[descriptor] = None
        return tuple(found)

    def depth(self, index: int) -> int:
        """How many states are above it."""
        return 0 if index == ROOT else self.states[index].path.count(".") + 1

    def configuration(self, paths: tuple[str, ...]) -> Configuration:
        """The configuration with these leaves. Raises KeyError for paths it does not have."""
        found = self._configurations.get(paths)
        if found is None:
            active: set[int] = set()
            for path in paths:
                index = self.index_of[path]
                while index >= ROOT and index not in active:
                    active.add(index)
                    index = self.states[index].parent
            found = self.intern(frozenset(active))
        return found

    def intern(self, active: frozenset[int]) -> Configuration:
        """The one object for these active states."""
        made = Configuration(self.states, active)
        found = self._configurations.get(made.paths)
        if found is not None:
            return found
        self._keep(weigh_configuration(made))
        self._configurations[made.paths] = made
        return made

    def selection(self, configuration: Configuration, event_type: str) -> Selection:
        """
        The candidates for an event that the configuration does not have yet; kept only for
        event types that the spec names.
        """
        descriptors = descriptors_for(event_type)
        answering = [index for one in descriptors for index in self._answering.get(one, ())]
        made = configuration.select(descriptors, answering)
        if event_type in self.vocabulary:
            self._keep(weigh_selection(made))
            configuration.selections[event_type] = made
        return made

    def start(self) -> StepPlan:
        """The microstep that enters the machine."""
        if self._start is None:
            self._start = plan_start(self.states, self.intern)
        return self._start

    def end(self, configuration: Configuration) -> tuple[Operation, ...]:
        """The operations of leaving everything."""
        return plan_end(self.states, configuration.active)

    def plan(
        self,
        configuration: Configuration,
        enabled: Sequence[Transition],
        history: Mapping[str, tuple[str, ...]],
    ) -> StepPlan:
        """The microstep by these enabled transitions."""
        key: object = enabled[0] if len(enabled) == 1 else tuple(enabled)
        if self._has_histories:
            key = (key, tuple(history.items()))
        plans = configuration.plans
        found = plans.get(key)
        if found is None:
            record = self._record(history)
            found = plan_step(self.states, configuration, enabled, record, self.intern)
            self._keep(weigh_plan(found))
            plans[key] = found
        return found

    def _record(self, history: Mapping[str, tuple[str, ...]]) -> Record:
        return {
            self.index_of[path]: tuple(self.index_of[one] for one in remembered)
            for path, remembered in history.items()
        }

    def _keep(self, size: int) -> None:
        """
        Make room for something of this size among what is kept.

        Where there is none, everything is forgotten: simpler than choosing, and seldom.
        """
        if self._planned_bytes + size > MAX_PLANNED_BYTES:
            for configuration in self._configurations.values():
                configuration.plans.clear()
                configuration.selections.clear()
            self._configurations.clear()
            self._start = None
            self._planned_bytes = 0
        self._planned_bytes += size
