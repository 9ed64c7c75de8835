"""`python -m tests.campaigns.properties`: what must hold of the engine, many thousand times."""

import argparse
import sys
import time
import traceback
from collections.abc import Callable
from random import Random
from typing import Final

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.campaigns.properties.elsewhere import HASH_SEEDS, differing
from tests.campaigns.properties.lives import MACHINES, Life, live
from tests.campaigns.properties.properties import PROPERTIES

DEFAULT_EXAMPLES: Final = 200_000
LIVES_A_PROCESS: Final = 50
"""One life in as many examples is lived in other processes too."""


def main() -> int:
    """Zero when everything holds."""
    options = argparse.ArgumentParser(
        prog="python -m tests.campaigns.properties", description=__doc__
    )
    options.add_argument("--seed", type=int, help="the same examples again; random if not given")
    options.add_argument(
        "--count", type=int, default=DEFAULT_EXAMPLES, help="examples, over all properties"
    )
    options.add_argument("--property", help="only the one of this name")
    chosen = options.parse_args()
    seed = chosen.seed if chosen.seed is not None else Random().randrange(2**32)
    properties = [one for one in PROPERTIES if chosen.property in {None, one.__name__}]
    _say(f"python -m tests.campaigns.properties --seed {seed} --count {chosen.count}")
    began = time.monotonic()
    examples = failed = 0
    for holds in properties:
        passed, is_good = _try(holds, seed, -(-chosen.count // len(properties)))
        examples += passed
        failed += not is_good
        _say(
            f"{holds.__name__.replace('_', ' ')}: {passed} examples{'' if is_good else ', FAILED'}"
        )
    lives = chosen.count // LIVES_A_PROCESS
    different = differing(seed, lives)
    _say(f"the same in {len(HASH_SEEDS)} processes: {lives - len(different)} of {lives} lives")
    if different:
        _say(f"the lives that went differently, by number: {different[:10]}")
    _say(f"{examples} examples, {failed} properties failed, {time.monotonic() - began:.0f} s")
    return 1 if failed or different else 0


def _try(holds: Callable[[Life], None], seed: int, count: int) -> tuple[int, bool]:
    """How many examples passed, and whether all did; hypothesis prints the smallest that fails."""
    passed = 0

    @hypothesis.seed(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(
        machine=st.integers(seed * MACHINES, (seed + 1) * MACHINES - 1),
        life=st.integers(0, 2**32 - 1),
    )
    def each(machine: int, life: int) -> None:
        nonlocal passed
        holds(live(machine, life))
        passed += 1

    try:
        each()
    except Exception:  # noqa: BLE001  # whatever it is, it is what the campaign is looking for
        traceback.print_exc()
        return passed, False
    return passed, True


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
