"""
Machines that were run in XState 5, step by step, do the same here.

What XState did is in xstate_recorded.jsonl; `make fuzz-xstate FUZZ='--seed 1 --record'`
writes it anew, and without `--record` compares many thousands of other machines.
"""

from random import Random
from typing import Any

import pytest

from control_plane.engine import compile_spec
from tests.campaigns.xstate.coverage import FEATURES, features
from tests.campaigns.xstate.ours import Ours
from tests.campaigns.xstate.recording import as_data, read_step, recorded
from tests.campaigns.xstate.specs import random_spec
from tests.campaigns.xstate.steps import random_step

RECORDED = recorded()
SLICE = 60
STEPS = 12


class TestAMachineThatXStateHasRun:
    @pytest.mark.parametrize("line", RECORDED, ids=range(len(RECORDED)))
    def test_does_the_same_here_at_every_step(self, line: dict[str, Any]) -> None:
        """States, context, order of actions, timers, invocations, output: all of it."""
        ours = Ours(compile_spec(line["spec"]), line["input"], trace=True)
        seen = [as_data(ours.seen)]
        for step in line["steps"]:
            ours.take(read_step(step))
            seen.append(as_data(ours.seen))

        assert line["seen"] == seen

    def test_has_every_feature_between_them(self) -> None:
        """Recorded machines without a feature would let it break."""
        shown = {feature for line in RECORDED for feature in features(line["spec"])}

        assert shown >= FEATURES


class TestAMachineOfTheCampaign:
    @pytest.mark.parametrize("seed", range(SLICE))
    def test_keeps_what_takes_no_xstate_to_see(self, seed: int) -> None:
        """Legal configurations, snapshots that survive being stored, histories that fold."""
        chance = Random(f"slice/{seed}")
        ours = Ours(compile_spec(random_spec(chance)), {"n": 1}, trace=chance.random() < 0.5)
        for _ in range(STEPS):
            if ours.is_over or ours.seen.fault:
                break
            ours.take(random_step(chance, ours.snapshot))
        ours.check_history()

        assert ours.seen.fault or ours.seen.active
