"""Machines kept by the hash of their spec."""

import hashlib
import json

import pytest

from control_plane.engine import Machine, MachineCache, compile_spec

TEXTS = [json.dumps({"id": name}) for name in "abc"]


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


class TestAMachine:
    def test_forgets_its_plans_rather_than_grow_without_bound(self) -> None:
        """A machine with many configurations starts its caches over, and decides the same."""
        from control_plane.engine import Received, Started, decide
        from control_plane.engine.limits import MAX_CACHED_CONFIGURATIONS
        from tests.engine.telling import NOW

        bits = {
            f"b{n}": {
                "initial": "o",
                "states": {"o": {"on": {f"{n}": "i"}}, "i": {"on": {f"{n}": "o"}}},
            }
            for n in range(11)
        }
        machine = compile_spec({"type": "parallel", "states": bits})
        snapshot = decide(machine, None, Started(), NOW).snapshot
        for count in range(1, 2**11):
            flipped = (count & -count).bit_length() - 1
            snapshot = decide(machine, snapshot, Received(type=str(flipped)), NOW).snapshot
            assert len(machine._configurations) <= MAX_CACHED_CONFIGURATIONS

        assert 11 == len(set(snapshot.configuration))
        assert 1 == sum(path.endswith(".i") for path in snapshot.configuration)
