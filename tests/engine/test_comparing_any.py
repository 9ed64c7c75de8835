"""What must hold of the comparison of any two machines."""

import copy
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.engine import Started, check_spec, compare, decide
from tests.engine.machines import is_legal, random_event, random_spec
from tests.engine.telling import NOW, compiled, say

SEEDS = st.integers(0, 2**32)


def mutated(spec: dict[str, Any], chance: Random) -> dict[str, Any]:
    """The spec with something of it taken away, renamed, added or written otherwise."""
    after = copy.deepcopy(spec)
    nodes: list[dict[str, Any]] = []

    def collect(node: dict[str, Any]) -> None:
        nodes.append(node)
        for child in node.get("states", {}).values():
            collect(child)

    collect(after)
    for _ in range(chance.randint(1, 3)):
        node = chance.choice(nodes)
        match chance.randrange(7):
            case 0:
                node.pop(chance.choice(("on", "after", "invoke", "always", "entry", "exit")), None)
            case 1:
                node.setdefault("on", {})["NEW"] = {"actions": [say("new")]}
            case 2 if node.get("states"):
                key = chance.choice(list(node["states"]))
                node["states"] = {
                    f"{one}_new" if one == key else one: child
                    for one, child in node["states"].items()
                }
                if node.get("initial") == key:
                    node["initial"] = f"{key}_new"
            case 3 if node.get("states"):
                node["states"]["added"] = {"id": f"added{chance.random()}"}
            case 4:
                node["after"] = {"PT7M": {"actions": [say("late")]}}
            case 5:
                after["context"] = {"n": 1, "m": 2}
            case _:
                node["entry"] = [say("entered")]
    return after


class TestAnyMachine:
    @settings(deadline=None)
    @given(SEEDS)
    def test_is_identical_to_itself(self, seed: int) -> None:
        """Whatever features it has."""
        spec = random_spec(Random(seed))
        comparison = compare(compiled(spec), compiled(spec))

        assert "IDENTICAL" == comparison.compatibility
        assert ((), (), (), (), ()) == (
            comparison.added,
            comparison.removed,
            comparison.renamed,
            comparison.changes,
            comparison.reasons,
        )

    @settings(deadline=None)
    @given(SEEDS)
    def test_is_compared_with_another_as_the_other_with_it(self, seed: int) -> None:
        """What was added one way was removed the other, and renames are each other's."""
        chance = Random(seed)
        spec = random_spec(chance)
        other, _ = check_spec(mutated(spec, chance))
        if other is None:
            return
        there, back = compare(compiled(spec), other), compare(other, compiled(spec))

        assert (there.added, there.removed) == (back.removed, back.added)
        assert {(one.before, one.after) for one in there.renamed} == {
            (one.after, one.before) for one in back.renamed
        }
        assert len(there.changes) == len(back.changes)

    @settings(deadline=None)
    @given(SEEDS)
    def test_that_is_called_compatible_carries_every_instance_on(self, seed: int) -> None:
        """Its states are legal, its tasks and timers are known, and no event is its end."""
        chance = Random(seed)
        spec = random_spec(chance)
        before = compiled(spec)
        after, _ = check_spec(mutated(spec, chance))
        if after is None or compare(before, after).compatibility not in {"IDENTICAL", "COMPATIBLE"}:
            return
        snapshot = decide(before, None, Started(), NOW).snapshot
        for _ in range(10):
            if snapshot.status != "active" or not snapshot.configuration:
                return
            moved = replace(snapshot, spec_hash=after.spec_hash)
            state_of = {one.path: one for one in after.states}

            assert is_legal(after, moved)
            for task in moved.tasks.values():
                if task.invoke_id is not None:
                    known = [one.id for one in state_of[task.state].invokes]
                    assert task.invoke_id in known
            for timer_id in moved.timers:
                known = [one.timer_id for state in after.states for one in state.after]
                assert not timer_id.startswith("xstate.after.") or timer_id in known
            decide(after, moved, random_event(chance, moved), NOW)
            snapshot = decide(before, snapshot, random_event(chance, snapshot), NOW).snapshot
