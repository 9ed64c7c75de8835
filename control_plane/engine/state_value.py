"""
XState's `value` of a snapshot: which states are active, as nested keys.
"""

from control_plane.engine.machine import Machine
from control_plane.engine.snapshot import Snapshot
from control_plane.engine.states import ROOT, State
from shared.json import Json


def value_of(machine: Machine, snapshot: Snapshot) -> Json:
    """
    A compound state with an atomic child gives the child's key, a parallel state an
    object of its regions, in document order. `{}` where nothing is active below.
    """
    active = machine.configuration(snapshot.configuration).active
    if not active:
        return {}
    return _value(machine, machine.states[ROOT], active)


def _value(machine: Machine, state: State, active: frozenset[int]) -> Json:
    children = [machine.states[index] for index in state.children if index in active]
    if state.kind == "compound" and children and children[0].is_leaf:
        return children[0].key
    return {child.key: _value(machine, child, active) for child in children}
