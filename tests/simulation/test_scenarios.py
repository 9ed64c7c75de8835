"""The scenarios of tests/scenarios: on the engine, on the real planes, and the same on both."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from control_plane.cli.on_servers import player
from control_plane.cli.playing import CannotPlay
from control_plane.simulation import Scenario, Seen, run_scenario, simulate
from shared.json import Json
from tests.simulation.scenario_files import FILES, scenario_of

ONLY_THE_ENGINE = {"child_instance"}
"""Played on the engine only, whatever servers offer: a child would be a real instance."""

SERVERS_WITHIN_S = 90.0


@pytest.fixture(scope="module")
def on_servers() -> dict[str, Sequence[Seen] | str]:
    """Every scenario as it was seen on one start of the servers, or why it was not played."""
    return asyncio.run(_played())


async def _played() -> dict[str, Sequence[Seen] | str]:
    found: dict[str, Sequence[Seen] | str] = {}
    async with asyncio.timeout(SERVERS_WITHIN_S), player() as servers:
        for file in FILES:
            try:
                found[file.stem] = await servers.play(scenario_of(file))
            except CannotPlay as reason:
                found[file.stem] = str(reason)
    return found


def told(seen: Sequence[Seen]) -> list[dict[str, Any]]:
    """
    All that clients can tell, but for what is a server's own: who asked, and when the start
    of an attempt is recorded, which is with its outcome if that is soon.
    """
    return [
        {
            "status": one.status,
            "state": one.state,
            "context": one.context,
            "output": one.output,
            "error": one.error,
            "tasks": one.tasks,
            "accepts": sorted(one.accepts),
            "disposition": one.disposition,
            "refused": one.refused and one.refused.reason,
            "history": [
                (entry.type, entry.ordinal, without_who(entry.payload))
                for entry in one.history
                if entry.type != "TASK_STARTED"
            ],
        }
        for one in seen
    ]


def without_who(payload: dict[str, Json]) -> dict[str, Json]:
    """Nor the instance's id, which a simulated one has none of, in front of its tasks' numbers."""
    found = {key: value for key, value in payload.items() if key != "by"}
    given = found.get("payload")
    if isinstance(given, dict) and "taskId" in given:
        number = str(given["taskId"]).rpartition(":")[2]
        found["payload"] = {**given, "taskId": number}
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
class TestAScenario:
    def test_is_met_on_the_engine(self, file: Path) -> None:
        """All of them, in a few milliseconds: this is what users run on every change."""
        result = run_scenario(scenario_of(file))

        assert () == result.mismatches

    @pytest.mark.timeout(150)
    def test_is_met_on_the_real_planes(
        self, file: Path, on_servers: dict[str, Sequence[Seen] | str]
    ) -> None:
        """To the entry of the history, a server does what the simulation says it will."""
        seen = on_servers[file.stem]
        if isinstance(seen, str):
            assert file.stem in ONLY_THE_ENGINE, seen
            pytest.skip(seen)
        scenario = scenario_of(file)

        simulated = [one.seen for one in simulate(scenario.machine, scenario.script).steps]

        assert told(simulated) == told(seen)


class TestASimulation:
    def test_is_the_same_every_time(self) -> None:
        """No clock and no chance: two runs are equal to the last entry."""
        scenarios: list[Scenario] = [scenario_of(file) for file in FILES]

        first = [simulate(one.machine, one.script) for one in scenarios]
        second = [simulate(one.machine, one.script) for one in scenarios]

        assert first == second
