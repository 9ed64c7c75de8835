"""
About how many bytes of memory a machine takes: what its spec became, and what it keeps of
its own making. Good to a factor of two, which is what a bound of a cache needs.
"""

from typing import Final

from control_plane.engine.configurations import Configuration, Selection
from control_plane.engine.plans import StepPlan

_TABLES: Final = 8_000
_CHARACTER: Final = 12
"""States, closures and constants, for each character of the spec's text."""

_CONFIGURATION, _ACTIVE_STATE = 600, 80
_SELECTION, _CANDIDATE = 200, 24
_PLAN, _OPERATION, _PATH = 900, 130, 16


def weigh_tables(spec_length: int) -> int:
    """What a compiled spec of so many characters takes."""
    return _TABLES + _CHARACTER * spec_length


def weigh_configuration(configuration: Configuration) -> int:
    """A configuration before anything is kept with it."""
    candidates = sum(map(len, configuration.eventless))
    return _CONFIGURATION + _ACTIVE_STATE * len(configuration.active) + _CANDIDATE * candidates


def weigh_selection(selection: Selection) -> int:
    """The candidates for one event, with those of the regions inside."""
    inside = sum(weigh_selection(part) for part in selection.parts)
    return _SELECTION + _CANDIDATE * len(selection.own) + inside


def weigh_plan(plan: StepPlan) -> int:
    """A step plan without the configuration it leads to."""
    paths = len(plan.exited) + len(plan.entered) + len(plan.to.paths)
    return _PLAN + _OPERATION * len(plan.operations) + _PATH * paths
