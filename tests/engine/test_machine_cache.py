"""Machines kept by the hash of their spec."""

import gc
import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from control_plane.engine import (
    Machine,
    MachineCache,
    Received,
    Snapshot,
    Started,
    compile_spec,
    decide,
)
from control_plane.engine.limits import MAX_PLANNED_BYTES
from tests.engine.telling import NOW, assign, expr

TEXTS = [json.dumps({"id": name}) for name in "abc"]
REGIONS = 11
SWITCHES: dict[str, Any] = {
    "type": "parallel",
    "states": {
        f"b{n}": {
            "initial": "o",
            "states": {"o": {"on": {f"{n}": "i"}}, "i": {"on": {f"{n}": "o"}}},
        }
        for n in range(REGIONS)
    },
}
"""A region for each bit of a number: 2,048 configurations."""


def flips(machine: Machine, count: int) -> Iterator[Snapshot]:
    """Count up in Gray's code, so that each event leads to a configuration not seen before."""
    snapshot = decide(machine, None, Started(), NOW).snapshot
    for number in range(1, count):
        flipped = (number & -number).bit_length() - 1
        snapshot = decide(machine, snapshot, Received(type=str(flipped)), NOW).snapshot
        yield snapshot


def a_ring(count: int) -> dict[str, Any]:
    """States one after the other, with a guard and an assign between them."""
    step = {"guard": expr("context.n >= 0"), "actions": assign(n=expr("context.n + 1"))}
    return {
        "initial": "s0",
        "context": {"n": 0},
        "states": {
            f"s{n}": {"on": {"GO": {**step, "target": f"s{(n + 1) % count}"}}} for n in range(count)
        },
    }


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class TestAMachineCache:
    def test_compiles_a_spec_once(self) -> None:
        """Compiling takes a thousand times as long as deciding."""
        cache, loads = MachineCache(2), []

        def load() -> Machine:
            loads.append(1)
            return compile_spec(TEXTS[0])

        first, second = (cache.get(hash_of(TEXTS[0]), load) for _ in range(2))

        assert first is second
        assert [1] == loads

    def test_forgets_the_one_used_longest_ago(self) -> None:
        """It never holds more than it was told to."""
        cache = MachineCache(2)
        a, b, c = TEXTS
        for text in (a, b, a, c):
            cache.get(hash_of(text), lambda text=text: compile_spec(text))  # type: ignore[misc]  # mypy gives up on the default

        assert [True, False, True] == [cache.find(hash_of(text)) is not None for text in TEXTS]
        assert 2 == len(cache)

    def test_refuses_a_machine_of_another_spec(self) -> None:
        """A text that was changed on its way has another hash."""
        with pytest.raises(ValueError, match="exactly as it was stored"):
            MachineCache().get(hash_of(TEXTS[0]), lambda: compile_spec(TEXTS[1]))

    def test_holds_at_least_one(self) -> None:
        """A bound of nothing would compile a spec at every event."""
        with pytest.raises(ValueError, match="at least one"):
            MachineCache(0)

    def test_forgets_when_the_machines_take_too_much_memory(self) -> None:
        """A few large specs must not take what a thousand small ones may."""
        machines = [compile_spec(text) for text in TEXTS]
        cache = MachineCache(max_bytes=machines[0].memory * 2)
        for machine in machines:
            cache.get(machine.spec_hash, lambda machine=machine: machine)  # type: ignore[misc]  # mypy gives up on the default

        assert [False, True, True] == [cache.find(one.spec_hash) is not None for one in machines]
        assert cache.memory <= machines[0].memory * 2

    def test_keeps_the_last_one_however_large_it_is(self) -> None:
        """Somebody is about to use it."""
        cache = MachineCache(max_bytes=1)
        for text in TEXTS:
            cache.get(hash_of(text), lambda text=text: compile_spec(text))  # type: ignore[misc]  # mypy gives up on the default

        assert 1 == len(cache)
        assert cache.find(hash_of(TEXTS[-1])) is not None

    def test_notices_that_a_machine_has_grown(self) -> None:
        """What a machine plans as it is used counts as well, without being weighed each time."""
        small, growing = compile_spec(TEXTS[0]), compile_spec(SWITCHES)
        cache = MachineCache(max_bytes=small.memory + growing.memory)
        for machine in (small, growing):
            cache.get(machine.spec_hash, lambda machine=machine: machine)  # type: ignore[misc]  # mypy gives up on the default
        at_first = len(cache)
        list(flips(growing, 20))
        for _ in range(1_000):
            cache.find(growing.spec_hash)

        assert (2, 1) == (at_first, len(cache))


class TestAMachine:
    def test_forgets_its_plans_rather_than_grow_without_bound(self) -> None:
        """A machine with many configurations starts its caches over, and decides the same."""
        machine = compile_spec(SWITCHES)
        tables = machine.memory
        grown, snapshots = zip(
            *((machine.memory - tables, snapshot) for snapshot in flips(machine, 2**REGIONS)),
            strict=True,
        )

        assert max(grown) <= MAX_PLANNED_BYTES
        assert list(grown) != sorted(grown)
        assert REGIONS == len(set(snapshots[-1].configuration))
        assert 1 == sum(path.endswith(".i") for path in snapshots[-1].configuration)

    @pytest.mark.parametrize("count", [5, 200])
    def test_weighs_about_what_it_takes(self, count: int) -> None:
        """Within a factor of two, before it was used and after: a cache's bound relies on it."""
        text = json.dumps(a_ring(count))
        compile_spec(text)  # what is made once for all machines
        gc.collect()
        tracemalloc.start()
        try:
            machine = compile_spec(text)
            gc.collect()
            taken, weighed = [tracemalloc.get_traced_memory()[0]], [machine.memory]
            snapshot = decide(machine, None, Started(), NOW).snapshot
            for _ in range(count):
                snapshot = decide(machine, snapshot, Received(type="GO"), NOW).snapshot
            gc.collect()
            taken.append(tracemalloc.get_traced_memory()[0])
            weighed.append(machine.memory)
        finally:
            tracemalloc.stop()

        assert all(0.5 < weighed / taken < 2 for weighed, taken in zip(weighed, taken, strict=True))
