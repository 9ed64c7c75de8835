"""`python -m tests.campaigns.ai.deaths`: what asks models is killed, over and over."""

import argparse
import asyncio
import sys
import time
from random import Random
from typing import Final

from shared.telemetry.logging import configure_logging
from tests.campaigns.ai.killing import Budget, kill

DEFAULT_INSTANCES: Final = 100
BUDGET: Final = Budget(day=300_000, instance=20_000, task=15_000)


def main() -> int:
    """Zero when nothing was overspent, called twice, or decided in another way than recorded."""
    options = argparse.ArgumentParser(
        prog="python -m tests.campaigns.ai.deaths", description=__doc__
    )
    options.add_argument("--seed", type=int, help="the same dice again; random if not given")
    options.add_argument("--count", type=int, default=DEFAULT_INSTANCES, help="instances at once")
    options.add_argument("--rounds", type=int, default=1, help="how often, each with a database")
    chosen = options.parse_args()
    seed = chosen.seed if chosen.seed is not None else Random().randrange(2**32)
    _say(f"python -m tests.campaigns.ai.deaths --seed {seed} --count {chosen.count}")
    configure_logging("console", "error")
    breaches = 0
    for number in range(chosen.rounds):
        began = time.monotonic()
        found = asyncio.run(kill(seed + number, chosen.count, BUDGET))
        breaches += len(found.breaches)
        _say(
            f"{chosen.count} instances: {dict(found.states)}; {found.calls} calls of the model,"
            f" {found.committed} committed, at most {found.most} of {BUDGET.day} at any time;"
            f" killed: {dict(found.deaths)}; {time.monotonic() - began:.0f} s"
        )
        for breach in found.breaches:
            _say(f"  BREACH {breach}")
    return 1 if breaches else 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what a campaign is for


if __name__ == "__main__":
    sys.exit(main())
