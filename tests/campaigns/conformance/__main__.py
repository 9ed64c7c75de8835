"""
`python -m tests.campaigns.conformance`: SCXML's test suites, through the importer and the engine.

Prints what came of each case, and ends with 1 when that is not what `deviations.json` says.
Without npm, or without its registry, it says so and ends with 0: there is nothing to run.
"""

import argparse
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.campaigns.conformance import cases, deviations
from tests.campaigns.conformance.running import Result, run

SUITES = ("W3C", "SCION")
KINDS = ("passed", "failed", "not converted")
LEAST_PASSED = {"W3C": 66, "SCION": 105}
"""So that a list that grew by mistake does not pass for a success."""


def main() -> int:
    """Run all cases, or those whose names hold a text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="a directory to keep the fetched package in")
    parser.add_argument("--only", default="", help="cases whose names hold this text")
    given = parser.parse_args()
    with ExitStack() as stack:
        directory = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        directory.mkdir(parents=True, exist_ok=True)
        try:
            found = cases.read(cases.fetch(directory))
        except cases.CasesMissing as error:
            sys.stdout.write(f"skipped: {error}\n")
            return 0
    results = {case.name: run(case) for case in found if given.only in case.name}
    suites = {case.name: case.suite for case in found}
    _show(results, suites)
    listed = deviations.read()
    if given.only:
        listed = [
            deviations.Deviation(one.result, one.says, one.because, one.cases & results.keys())
            for one in listed
        ]
    problems = list(deviations.disagreements(results, listed))
    if not given.only:
        problems += _too_few(results, suites)
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


def _show(results: dict[str, Result], suites: dict[str, str]) -> None:
    console = Console(soft_wrap=True)
    table = Table("case", "result", "why", title="What does not pass")
    for name, result in results.items():
        if result.kind != "passed":
            table.add_row(name, result.kind, result.why)
    console.print(table, markup=False)
    counts = Counter((suites[name], result.kind) for name, result in results.items())
    totals = Table("suite", *KINDS, "all", title=cases.PACKAGE)
    for suite in SUITES:
        numbers = [counts[suite, kind] for kind in KINDS]
        totals.add_row(suite, *map(str, numbers), str(sum(numbers)))
    console.print(totals)


def _too_few(results: dict[str, Result], suites: dict[str, str]) -> list[str]:
    passed = Counter(suites[name] for name, result in results.items() if result.kind == "passed")
    return [
        f"of {suite}, {passed[suite]} pass; it were {least}"
        for suite, least in LEAST_PASSED.items()
        if passed[suite] < least
    ]


if __name__ == "__main__":
    sys.exit(main())
