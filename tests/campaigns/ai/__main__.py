"""`python -m tests.campaigns.ai`: a compromised model against a real control plane, over gRPC."""

import argparse
import asyncio
import sys
import time
from random import Random
from typing import Final

from shared.telemetry.logging import configure_logging
from tests.campaigns.ai.attack import attacking

DEFAULT_OUTPUTS: Final = 10_000
A_SERVER: Final = 1_000
"""Instances on one server, all of which are kept in memory."""


def main() -> int:
    """Zero when nothing happened that the policy does not allow."""
    options = argparse.ArgumentParser(prog="python -m tests.campaigns.ai", description=__doc__)
    options.add_argument("--seed", type=int, help="the same outputs again; random if not given")
    options.add_argument("--count", type=int, default=DEFAULT_OUTPUTS, help="outputs, at least")
    chosen = options.parse_args()
    seed = chosen.seed if chosen.seed is not None else Random().randrange(2**32)
    _say(f"python -m tests.campaigns.ai --seed {seed} --count {chosen.count}")
    configure_logging("console", "error")
    return asyncio.run(_campaign(seed, chosen.count))


async def _campaign(seed: int, count: int) -> int:
    began, asked, breaches = time.monotonic(), 0, 0
    round_ = 0
    while asked < count:
        lies = round_ % 2 == 1
        async with attacking(seed + round_, A_SERVER) as attack:
            found = await attack.run(A_SERVER, lies=lies)
        round_ += 1
        asked += found.asked
        breaches += len(found.breaches)
        states = ", ".join(f"{state} {number}" for state, number in sorted(found.states.items()))
        _say(f"{'a lying' if lies else 'an honest'} executor, {found.asked} outputs: {states}")
        for breach in found.breaches:
            _say(f"  BREACH {breach}")
    _say(f"{asked} outputs, {breaches} breaches, {time.monotonic() - began:.0f} s")
    return 1 if breaches else 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what a campaign is for


if __name__ == "__main__":
    sys.exit(main())
