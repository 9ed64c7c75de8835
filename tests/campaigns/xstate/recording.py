"""
What XState did, kept in a file, so that the default suite can compare without node.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, astuple
from pathlib import Path
from random import Random
from typing import Any, Final

from control_plane.engine import Snapshot, check_spec
from tests.campaigns.xstate.coverage import features
from tests.campaigns.xstate.decisions import PUBLISHED
from tests.campaigns.xstate.match import Match, Setting
from tests.campaigns.xstate.observed import Observed
from tests.campaigns.xstate.oracle import Oracle
from tests.campaigns.xstate.ours import Ours
from tests.campaigns.xstate.specs import random_spec
from tests.campaigns.xstate.steps import End, Restore, Ring, Send, Step, Wait, random_step
from tests.campaigns.xstate.theirs import Theirs

FILE: Final = Path(__file__).parents[2] / "engine" / "xstate_recorded.jsonl"
MACHINES: Final = 30
CONSIDERED: Final = 1_000
STEPS: Final = 14
FEWEST_STEPS: Final = 8
"""What ends sooner tells too little."""

_STEPS: Final = {kind.__name__: kind for kind in (Send, Ring, Wait, End, Restore)}


def record(oracle: Oracle, seed: int) -> Iterator[str]:
    """A line each for some machines that agree with XState as published."""
    candidates = []
    for number in range(CONSIDERED):
        chance = Random(f"{seed}/{number}")
        spec = random_spec(chance)
        machine, _ = check_spec(spec)
        if machine is None:
            continue
        setting = Setting(machine, spec, {"n": chance.randrange(4)}, trace=True)
        left = iter(range(STEPS))

        def choose(snapshot: Snapshot, chance: Random = chance, left: Any = left) -> Step | None:
            return None if next(left, None) is None else random_step(chance, snapshot)

        verdict = Match(oracle, setting).play(choose)
        is_plain = not verdict.explained and verdict.finding is None
        if is_plain and "limit" not in verdict.faults and len(verdict.steps) >= FEWEST_STEPS:
            candidates.append((len(json.dumps(spec)), setting, verdict.steps))
    # The smallest that show something new first, then the smallest.
    candidates.sort(key=lambda one: one[0])
    shown: set[str] = set()
    fresh: list[tuple[Setting, list[Step]]] = []
    others: list[tuple[Setting, list[Step]]] = []
    for _, setting, steps in candidates:
        has = features(setting.spec)
        (others if has <= shown else fresh).append((setting, steps))
        shown |= has
    for setting, steps in (fresh + others)[:MACHINES]:
        yield _line(oracle, setting, steps)


def recorded() -> list[dict[str, Any]]:
    """The lines of the file, as they were written."""
    return [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]


def read_step(written: list[Any]) -> Step:
    """A step as `record` has written it."""
    name, *values = written
    kind: Any = _STEPS[name]
    step: Step = kind(*values)
    return step


def as_data(seen: Observed) -> dict[str, Any]:
    """What was seen as JSON has it, without what is not there."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(seen)))
    return {key: value for key, value in found.items() if value not in (None, [], "")}


def _line(oracle: Oracle, setting: Setting, steps: list[Step]) -> str:
    ours = Ours(setting.machine, setting.given, trace=True)
    theirs = Theirs(oracle, PUBLISHED, setting.spec, setting.given)
    seen = [as_data(theirs.seen)]
    for step in steps:
        told = ours.take(step)
        if told is not None:
            theirs.tell(told)
        seen.append(as_data(theirs.seen))
    written = [[type(step).__name__, *astuple(step)] for step in steps]
    line = {"spec": setting.spec, "input": setting.given, "steps": written, "seen": seen}
    return json.dumps(line, separators=(",", ":"))
