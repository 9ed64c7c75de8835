"""Bugs are put into the product, one at a time; each must be caught, and by what is to catch it."""

import asyncio

import pytest

from tests.faults.bugs import REFERENCE, bugs
from tests.faults.drive import Disagreement, System
from tests.faults.mutations import Bug, with_bug
from tests.faults.test_model import running_system
from tests.faults.walk import walk
from tests.servers import Servers

SEEDS = range(40)
MOVES = 60
AT_LEAST = 20
AT_MOST_S = 300


@pytest.mark.timeout(AT_MOST_S)
class TestASeededBug:
    def test_is_caught(
        self, servers: Servers, migrated_template: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A model that catches none of them would be green as well."""
        table = bugs()
        with running_system(servers, migrated_template, monkeypatch) as (runner, system):
            caught = {name: _caught_by(runner, system, bug) for name, bug in table.items()}

        assert {name: bug.caught_by for name, bug in table.items()} == caught
        assert len(table) >= AT_LEAST


def _caught_by(runner: asyncio.Runner, system: System, bug: Bug) -> str:
    """What is to catch the bug, if it does within the bound; else what did, or nothing."""
    return runner.run(_walked(system, bug))


async def _walked(system: System, bug: Bug) -> str:
    async with with_bug(bug, system.world.owner):
        for seed in SEEDS:
            try:
                await walk(system, seed, moves=MOVES, often=bug.often)
            except Disagreement:
                found = {finding.invariant for finding in await system.findings()}
                is_right = bug.caught_by in {REFERENCE, *found}
                return bug.caught_by if is_right else f"{REFERENCE} and {sorted(found)}"
    return "nothing"
