"""
The orchestrator and the PostgreSQL adapters against the reference: whatever the order of
starts, events, claims, outcomes of any age, expiries, pauses and lost answers.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from control_plane.orchestrator import orchestrator
from tests.contract.worlds import postgres_world
from tests.faults.drive import System, driving
from tests.faults.model import machine_of
from tests.faults.walk import walk
from tests.servers import Servers

SEEDS = range(1, 5)
MOVES = 60


@contextmanager
def running_system(
    servers: Servers, migrated_template: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[asyncio.Runner, System]]:
    """A system on a loop that rests between moves, as hypothesis is not asynchronous."""
    # A lost answer is asked for again at once, and not after a while.
    monkeypatch.setattr(orchestrator, "RETRY_STORE_EVERY_S", 0.001)
    with asyncio.Runner() as runner:
        world = postgres_world(servers, migrated_template)
        system = driving(runner.run(world.__aenter__()))
        try:
            yield runner, runner.run(system.__aenter__())
        finally:
            runner.run(system.__aexit__(None, None, None))
            runner.run(world.__aexit__(None, None, None))


class TestTheSystem:
    def test_does_what_the_reference_does(
        self, servers: Servers, migrated_template: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Random ways, from fixed seeds; `make chaos` goes many more."""
        with running_system(servers, migrated_template, monkeypatch) as (runner, system):
            for seed in SEEDS:
                runner.run(walk(system, seed, moves=MOVES))

    def test_does_so_wherever_hypothesis_looks(
        self, servers: Servers, migrated_template: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same examples every time; a disagreement is told by its shortest way."""
        with running_system(servers, migrated_template, monkeypatch) as (runner, system):
            run_state_machine_as_test(
                machine_of(runner, system),
                settings=settings(
                    max_examples=8,
                    stateful_step_count=15,
                    derandomize=True,
                    database=None,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
