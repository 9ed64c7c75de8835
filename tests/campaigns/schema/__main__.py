"""`python -m tests.campaigns.schema`: the JSON Schema and the parser, on broken specs."""

import argparse
import sys
from random import Random
from typing import Final

from tests.engine.machines import random_spec
from tests.engine.spec.agreement import disagreement
from tests.engine.spec.rich import RICH, changes

DEFAULT_COUNT: Final = 20_000
"""Broken specs: some minutes."""


def main() -> int:
    """Zero when the two agree on every spec."""
    options = argparse.ArgumentParser(prog="python -m tests.campaigns.schema", description=__doc__)
    options.add_argument("--seed", type=int, help="the same specs again; random if not given")
    options.add_argument("--count", type=int, default=DEFAULT_COUNT, help="broken specs")
    chosen = options.parse_args()
    seed = chosen.seed if chosen.seed is not None else Random().randrange(2**32)
    _say(f"python -m tests.campaigns.schema --seed {seed} --count {chosen.count}")
    chance = Random(seed)
    of_rich = list(changes(RICH))
    different = 0
    for _ in range(chosen.count):
        spec, change = RICH, chance.choice(of_rich)
        if chance.random() < 0.5:
            spec = random_spec(chance)
            change = chance.choice(list(changes(spec)))
        found = disagreement(change.of(spec))
        if found is not None:
            different += 1
            _say(f"{change}: {found}")
    _say(f"{chosen.count} specs, {different} on which they differ")
    return 1 if different else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a campaign talks to whoever runs it


if __name__ == "__main__":
    sys.exit(main())
