"""
Trying a definition out: one instance in virtual time, without a server.

    simulate(machine, script) -> Simulation          what happens, step by step, and why
    read_scenario(document, load) -> Scenario        a script with expectations, from its file
    run_scenario(scenario) -> ScenarioResult         whether they are met

Pure: nothing is read, waited for or left to chance. What the runtime does between two
decisions - retries, timers, events that have to wait - is done here by the same rules.
"""

from control_plane.simulation.comparing import mismatches
from control_plane.simulation.refusals import not_open
from control_plane.simulation.result import (
    Happening,
    PlayedStep,
    Refused,
    Seen,
    Simulation,
    TaskView,
    TimerView,
)
from control_plane.simulation.running import run_scenario
from control_plane.simulation.scenario import Expectation, Mismatch, Scenario, ScenarioResult
from control_plane.simulation.scenario_reading import read_scenario
from control_plane.simulation.script import (
    DEFAULT_START,
    Advance,
    Cancel,
    Conclude,
    Mock,
    MockedAttempt,
    Script,
    Send,
    Step,
)
from control_plane.simulation.simulating import simulate

__all__ = [
    "DEFAULT_START",
    "Advance",
    "Cancel",
    "Conclude",
    "Expectation",
    "Happening",
    "Mismatch",
    "Mock",
    "MockedAttempt",
    "PlayedStep",
    "Refused",
    "Scenario",
    "ScenarioResult",
    "Script",
    "Seen",
    "Send",
    "Simulation",
    "Step",
    "TaskView",
    "TimerView",
    "mismatches",
    "not_open",
    "read_scenario",
    "run_scenario",
    "simulate",
]
