"""`foliot definition simulate`: a definition, tried out on the engine."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from control_plane.cli.failing import FAILED
from control_plane.cli.scenario_files import read_scenario_file
from control_plane.cli.spec_files import read_file
from control_plane.cli.telling import tell, tell_mismatch
from control_plane.simulation import Scenario, read_scenario, run_scenario
from control_plane.simulation.as_json import as_json, simulation_as_json
from shared.documents import Document, read_document
from shared.errors import InvalidRequest
from shared.json import Json


def run_simulate(
    file: Path,
    *,
    script: Path | None,
    events: Sequence[str],
    given: str | None,
    trace: bool,
    output: str,
) -> None:
    """Print the run, and exit with 1 if a step was refused or something was not as expected."""
    definition = read_file(file)
    scenario = _scenario(definition, script)
    scenario = _with_events(scenario, definition, events)
    if given is not None:
        asked = replace(scenario.script, input=_object(given, "--input"))
        scenario = replace(scenario, script=asked)
    result = run_scenario(scenario, trace=True)
    assert result.simulation is not None
    if output == "json":
        told = {
            **simulation_as_json(result.simulation),
            "mismatches": [as_json(one) for one in result.mismatches],
        }
        # Bare, so that a program can take it in.
        print(json.dumps(told, indent=2, ensure_ascii=False))  # noqa: T201 - what it is asked for
    else:
        console = Console(highlight=False)
        tell(result.simulation, console, trace=trace)
        for mismatch in result.mismatches:
            # That a step was refused has been told with the step.
            if mismatch.about != "rejected" or mismatch.expected is not False:
                tell_mismatch(mismatch, scenario.name, console)
    if not result.has_passed:
        sys.exit(FAILED)


def _scenario(definition: Document, script: Path | None) -> Scenario:
    """The script's, for this definition; or one that only starts an instance."""
    if script is not None:
        return read_scenario_file(script, definition)
    return read_scenario(Document("simulate", {}, "{}"), _no_file, definition)


def _no_file(name: str) -> Document:
    raise InvalidRequest(f"there is no definition {name!r} here")


def _with_events(scenario: Scenario, definition: Document, events: Sequence[str]) -> Scenario:
    """The scenario with events sent at its end."""
    if not events:
        return scenario
    asked: list[Json] = []
    for number, event in enumerate(events, 1):
        kind, separator, payload = event.partition("=")
        step: dict[str, Json] = {"send": kind, "id": f"--event-{number}"}
        if separator:
            step["payload"] = _object(payload, f"--event {kind}")
        asked.append(step)
    added = read_scenario(Document("--event", {"steps": asked}, ""), _no_file, definition)
    return replace(
        scenario,
        script=replace(scenario.script, steps=(*scenario.script.steps, *added.script.steps)),
        expectations=(*scenario.expectations, *added.expectations[1:]),
        # They are written nowhere in its file.
        pointers=(*scenario.pointers, *[""] * len(asked)),
    )


def _object(text: str, name: str) -> dict[str, Json]:
    value = read_document(text.encode(), name).value
    if not isinstance(value, dict):
        raise InvalidRequest(f"{name}: give an object, such as '{{\"amount\": 5}}'")
    return value
