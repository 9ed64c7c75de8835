"""`python -m tests.campaigns.chaos`: a whole foliot under load and torment, and nothing lost."""

import argparse
import asyncio
import shutil
import sys
import time
from collections import Counter
from random import Random

from shared.telemetry.logging import configure_logging
from tests.campaigns.chaos.campaign import Bounds, Result, run_once
from tests.campaigns.chaos.checking import counted
from tests.campaigns.chaos.planted import find, names

MAX_SHOWN = 20
IMPATIENT = Bounds(answered_s=40.0, quiet_s=30.0)
"""With a bug some things never end; that need not be waited for as long as it would be doubted."""


def main() -> int:
    """Zero when nothing was found."""
    options = argparse.ArgumentParser(prog="python -m tests.campaigns.chaos", description=__doc__)
    options.add_argument("--seed", type=int, help="of the first run; the others count on from it")
    options.add_argument("--count", type=int, default=10, help="runs")
    options.add_argument("--stories", type=int, default=1_500, help="instances started in a run")
    options.add_argument("--rate", type=float, default=1.0, help="how fast faults come")
    options.add_argument("--seconds", type=float, default=0.0, help="the least that a run lasts")
    options.add_argument("--bug", default="", help="to be found, by its name in planted.py")
    options.add_argument("--bugs", action="store_true", help="all of planted.py, one at a time")
    chosen = options.parse_args()
    if chosen.bug:
        find(chosen.bug)
    configure_logging("console", "error")
    seed = chosen.seed if chosen.seed is not None else Random().randrange(2**31)
    _say(
        f"python -m tests.campaigns.chaos --seed {seed} --count {chosen.count}"
        f" --stories {chosen.stories} --rate {chosen.rate:g} --seconds {chosen.seconds:g}"
    )
    if chosen.bugs:
        return _plant_all(seed, chosen.count, chosen.stories, chosen.rate)
    results = []
    for number in range(chosen.count):
        began = time.monotonic()
        result = asyncio.run(
            run_once(
                seed + number,
                stories=chosen.stories,
                rate=chosen.rate,
                bug=chosen.bug,
                at_least_s=chosen.seconds,
                say=_say,
            )
        )
        results.append(result)
        _tell(result, time.monotonic() - began)
    _sum_up(results)
    return 1 if any(result.violations for result in results) else 0


def _plant_all(seed: int, count: int, stories: int, rate: float) -> int:
    """Zero when each bug was found, by what may find it, within so many runs."""
    missed = 0
    for name, may_find in names().items():
        found: Counter[str] = Counter()
        runs = 0
        while runs < count and not found.keys() & set(may_find.split()):
            result = asyncio.run(
                run_once(seed + runs, stories=stories, rate=rate, bug=name, bounds=IMPATIENT)
            )
            shutil.rmtree(result.directory, ignore_errors=True)
            found += counted(result.violations)
            runs += 1
        is_found = bool(found.keys() & set(may_find.split()))
        missed += not is_found
        by = ", ".join(f"{number} × {invariant}" for invariant, number in sorted(found.items()))
        _say(f"{'found' if is_found else 'MISSED'} in {runs} runs: {name} ({by or 'nothing'})")
    return 1 if missed else 0


def _tell(result: Result, seconds: float) -> None:
    _say(
        f"seed {result.seed}: {result.instances} instances, {result.tasks} tasks in"
        f" {result.hand_outs} hand-outs ({result.zombies} fenced), {result.acknowledged}"
        f" acknowledgements after {result.tries} tries, {result.entries_watched} entries watched"
        f" and {result.entries_followed} followed;"
        f" {_faults(result.faults)}; quiet after {result.quiet_after_s:.1f} s; {seconds:.0f} s in"
        f" all; {len(result.violations)} violations"
    )
    ended = (f"{count} {kind} {how}" for (kind, how), count in sorted(result.ended.items()))
    _say(
        f"  {len({point for point, _ in result.strikes})} failpoints struck"
        f" {sum(result.strikes.values())} times; tasks: {', '.join(ended)}"
    )
    for invariant, count in sorted(counted(result.violations).items()):
        _say(f"  {count:>5} × {invariant}")
    for violation in result.violations[:MAX_SHOWN]:
        _say(f"  {violation.invariant}: {violation.what}")
    if result.violations:
        _say(f"  its logs are in {result.directory}")


def _sum_up(results: list[Result]) -> None:
    faults: Counter[str] = sum((result.faults for result in results), Counter())
    _say(
        f"{len(results)} runs: {_faults(faults)};"
        f" {sum(result.instances for result in results)} instances,"
        f" {sum(result.tasks for result in results)} tasks,"
        f" {sum(result.acknowledged for result in results)} acknowledgements,"
        f" {len({point for result in results for point, _ in result.strikes})} failpoints struck"
        f" {sum(sum(result.strikes.values()) for result in results)} times,"
        f" quiet after at most {max(result.quiet_after_s for result in results):.1f} s;"
        f" {sum(len(result.violations) for result in results)} violations"
    )


def _faults(faults: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in faults.most_common())


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
