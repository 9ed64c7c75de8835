"""
Run a scenario on the engine.
"""

from control_plane.simulation.comparing import mismatches
from control_plane.simulation.instance import MayGoOn
from control_plane.simulation.scenario import Mismatch, Scenario, ScenarioResult
from control_plane.simulation.simulating import simulate
from shared.documents.document import START


def run_scenario(
    scenario: Scenario, *, trace: bool = False, may_go_on: MayGoOn = lambda: True
) -> ScenarioResult:
    """Play its script, and compare. A limit that ends the run early is a mismatch too."""
    simulation = simulate(scenario.machine, scenario.script, trace=trace, may_go_on=may_go_on)
    if simulation.stopped is not None:
        found: tuple[Mismatch, ...] = (
            Mismatch(
                place=START,
                step=len(simulation.steps) - 1,
                about="run",
                expected="an end",
                found=simulation.stopped,
                message="the run was stopped",
            ),
        )
    else:
        found = tuple(mismatches(scenario, [one.seen for one in simulation.steps]))
    return ScenarioResult(scenario=scenario, mismatches=found, simulation=simulation)
