"""
The same lives in other processes: another seed of Python's hashes, another order, so that
neither sets nor what a process has decided before can have a say.

`python -m tests.campaigns.properties.elsewhere SEED COUNT ORDER` prints a digest a life.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Final

from control_plane.engine import dump_snapshot
from tests.campaigns.properties.lives import MACHINES, live

HASH_SEEDS: Final = ("0", "1", "4294967295")
ROOT: Final = Path(__file__).parents[3]
MODULE: Final = "tests.campaigns.properties.elsewhere"
TIMEOUT_S: Final = 3_600


def digests_of(seed: int, count: int, order: str) -> list[str]:
    """A digest for each life, in the order of the lives however they were lived."""
    chance = Random(seed)
    first = seed * MACHINES
    lives = [(first + chance.randrange(MACHINES), chance.randrange(2**32)) for _ in range(count)]
    numbers = list(range(count))
    if order == "backwards":
        numbers.reverse()
    found = {number: _digest(*lives[number]) for number in numbers}
    return [found[number] for number in range(count)]


def differing(seed: int, count: int) -> list[int]:
    """The numbers of the lives that went differently in one of the processes."""
    tellings = []
    for at, hash_seed in enumerate(HASH_SEEDS):
        order = "backwards" if at % 2 else "forwards"
        done = subprocess.run(
            [sys.executable, "-m", MODULE, str(seed), str(count), order],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_S,
        )
        tellings.append(done.stdout.split())
    together = zip(*tellings, strict=True)
    return [number for number, told in enumerate(together) if len(set(told)) > 1]


def _digest(machine: int, seed: int) -> str:
    """Of everything that was decided: commands, history, trace, stored snapshot."""
    found = hashlib.sha256()
    for moment in live(machine, seed, trace=True).moments:
        decision = moment.decision
        told = (decision.commands, decision.history, decision.refusal, decision.trace)
        found.update(repr(told).encode())
        found.update(dump_snapshot(decision.snapshot))
    return found.hexdigest()


if __name__ == "__main__":
    _, given_seed, given_count, given_order = sys.argv
    lines = digests_of(int(given_seed), int(given_count), given_order)
    sys.stdout.write("\n".join(lines))
