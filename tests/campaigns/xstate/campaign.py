"""
Many matches, what came of them, and what to look at where something nothing explains was met.
"""

import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Final

from control_plane.engine import Snapshot, check_spec
from tests.campaigns.xstate.coverage import FEATURES, features
from tests.campaigns.xstate.match import Finding, Match, Setting
from tests.campaigns.xstate.oracle import Oracle
from tests.campaigns.xstate.shrinking import shrink
from tests.campaigns.xstate.specs import random_spec
from tests.campaigns.xstate.steps import Step, random_step
from tests.campaigns.xstate.witnesses import silent_decisions

MAX_STEPS_OF_MACHINE: Final = 40
MAX_FINDINGS: Final = 3
"""After as many the campaign stops: they are mended one by one."""

ENOUGH_TO_COVER: Final = 20_000
"""Steps after which a feature that no machine had is a finding of its own."""

REFUSED_BY_DESIGN: Final = frozenset({"targets-exclude-each-other", "eventless-cycle"})
"""Rules of the validator that random machines may break: XState has no such rules."""


class Campaign:
    """A sequence of machines that follows from one seed."""

    def __init__(self, oracle: Oracle, seed: int) -> None:
        self._oracle = oracle
        self._seed = seed
        self.findings: list[str] = []
        self._machines = self._events = self._restores = self._illegal = 0
        self._explained: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._ends: Counter[str] = Counter()
        self._features: Counter[str] = Counter()

    def run(self, steps: int) -> None:
        """The witnesses, then machine after machine until so many events have been told."""
        self.findings.extend(silent_decisions(self._oracle))
        number = 0
        while self._events < steps and len(self.findings) < MAX_FINDINGS:
            self.play(number)
            number += 1
        missed = FEATURES - set(self._features)
        if self._events >= ENOUGH_TO_COVER and missed:
            self.findings.append(f"no machine had any of: {', '.join(sorted(missed))}")

    def play(self, number: int) -> None:
        """One machine of the campaign; the same one whenever it is asked for."""
        chance = Random(f"{self._seed}/{number}")
        spec = random_spec(chance)
        machine, diagnostics = check_spec(spec)
        if machine is None:
            rules = {found.rule for found in diagnostics if found.severity == "error"}
            self._refused.update(rules & REFUSED_BY_DESIGN)
            if not rules <= REFUSED_BY_DESIGN:
                self.findings.append(f"machine {number} is refused: {diagnostics}")
            return
        setting = Setting(machine, spec, {"n": chance.randrange(4)}, chance.random() < 0.5)
        left = chance.randint(4, MAX_STEPS_OF_MACHINE)

        def choose(snapshot: Snapshot) -> Step | None:
            nonlocal left
            left -= 1
            return random_step(chance, snapshot) if left >= 0 else None

        verdict = Match(self._oracle, setting).play(choose)
        self._machines += 1
        self._events += verdict.events
        self._restores += verdict.restores
        self._illegal += verdict.illegal_in_xstate
        self._explained.update(verdict.explained)
        self._faults.update(verdict.faults)
        self._ends[verdict.ended_as] += 1
        self._features.update(features(spec))
        if verdict.finding is not None:
            self.findings.append("\n".join(self._describe(number, setting, verdict.steps)))

    def lines(self) -> Iterator[str]:
        """What the campaign did, as text."""
        yield from self.findings
        yield f"{self._machines} machines, {self._events} event steps, {self._restores} restores"
        yield f"ended as: {_told(self._ends)}"
        yield f"steps that came to nothing in both: {_told(self._faults)}"
        yield f"refused by the validator before: {_told(self._refused)}"
        yield f"machines that had the feature: {_told(self._features)}"
        yield f"machines in an illegal configuration in XState as published: {self._illegal}"
        yield "machines in an illegal configuration in ours: 0 (checked at every step)"
        yield f"differences explained by a decision: {_told(self._explained)}"
        yield f"unexplained: {len(self.findings)}"

    def _describe(self, number: int, setting: Setting, steps: list[Step]) -> Iterator[str]:
        smaller, story, verdict = shrink(self._oracle, setting, steps)
        yield f"-- machine {number}; seed {self._seed}; --machine {number} plays it again"
        yield f"smallest spec: {json.dumps(smaller.spec)}"
        yield f"input {setting.given}, trace {setting.trace}, steps: {story}"
        finding = verdict.finding or Finding("it does not fail again", 0)
        yield f"{finding.what}, after step {finding.at}"
        yield f"ours: {finding.ours}"
        for variant, seen in finding.theirs.items():
            yield f"XState with {variant}: {seen}"


def _told(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.most_common()) or "none"
