"""The scenarios of tests/scenarios, read."""

from pathlib import Path

from control_plane.simulation import Scenario, read_scenario
from shared.documents import read_document

SCENARIOS = Path(__file__).parent.parent / "scenarios"
FILES = sorted(SCENARIOS.glob("*.yaml"))


def scenario_of(file: Path) -> Scenario:
    return read_scenario(
        read_document(file.read_bytes(), str(file)),
        lambda name: read_document((file.parent / name).read_bytes(), str(file.parent / name)),
    )
