"""
The language against other implementations of CEL.

    python -m tests.campaigns.cel --seed 1 --count 100000   compare answers
    python -m tests.campaigns.cel --speed                   compare speed
    python -m tests.campaigns.cel --record                  keep some answers for the tests

Ends with 1 if an answer differs and no listed deviation explains it.
"""

import argparse
import sys
import time
from collections import Counter
from itertools import islice
from typing import Any, Final

from tests.campaigns.cel import environment, speed
from tests.campaigns.cel.answering import answer, is_error
from tests.campaigns.cel.growing import Grower
from tests.campaigns.cel.judging import verdict
from tests.campaigns.cel.material import CONTEXT
from tests.campaigns.cel.readings import READINGS
from tests.campaigns.cel.recording import record
from tests.campaigns.cel.runtime import Runtime
from tests.campaigns.cel.shrinking import shrunk
from tests.campaigns.cel.trees import Tree

BATCH: Final = 200
SHOWN: Final = 10
"""How many differences are shown before the campaign gives up."""


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.cel")
    parser.add_argument("--count", type=int, default=100_000, help="how many expressions")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--speed", action="store_true", help="measure a guard instead")
    parser.add_argument("--record", action="store_true", help="write answers.json instead")
    options = parser.parse_args()
    python = environment.python()
    if options.speed:
        for line in speed.report(python):
            say(line)
        return 0
    with Runtime(python, CONTEXT) as runtime:
        if options.record:
            record(runtime, options.seed)
            return 0
        say(f"seed {options.seed}, {options.count:,} expressions")
        return compare(runtime, options.seed, options.count)


def compare(runtime: Runtime, seed: int, count: int) -> int:
    """1 if a difference was found that nothing explains."""
    grower, started = Grower(seed), time.monotonic()
    verdicts: Counter[str] = Counter()
    values = findings = 0
    grown = (grower.expression() for _ in range(count))
    while batch := list(islice(grown, BATCH)):
        for tree, theirs in zip(batch, runtime.answers([one.text for one in batch]), strict=True):
            found = verdict(tree.text, theirs)
            verdicts[found or "unexplained"] += 1
            values += not is_error(theirs)
            if found is None:
                findings += 1
                tell(runtime, tree)
        if findings >= SHOWN:
            say(f"gave up after {findings} differences")
            break
    total = verdicts.total()
    say(f"{total:,} expressions in {time.monotonic() - started:.0f} s; {values:,} with a value")
    about = {one.name: f"  ({one.about})" for one in READINGS}
    for name, times in verdicts.most_common():
        say(f"{times:>9,}  {name}{about.get(name, '')}")
    say(f"{findings} unexplained differences")
    return 1 if findings else 0


def tell(runtime: Runtime, tree: Tree) -> None:
    """Print the smallest expression that shows the difference which this one showed."""

    def differs(text: str) -> bool:
        return verdict(text, runtime.answer(text)) is None

    text = shrunk(tree, differs).text
    theirs: Any = runtime.answer(text)
    say(f"\nDIFFERENT  {text}\n  ours     {answer(text)}\n  theirs   {theirs}")
    say(f"  was      {tree.text}\n")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
