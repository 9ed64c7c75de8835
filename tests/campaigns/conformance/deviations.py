"""
Which cases are not to pass, and why: `deviations.json`, held against what happened.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.conformance.running import Result

_FILE = Path(__file__).with_name("deviations.json")


@dataclass(frozen=True, slots=True)
class Deviation:
    """
    Cases that do not pass for one reason of design. `says` is a pattern of what the importer
    says about each of them, or of what happens instead of passing.
    """

    result: str
    says: str
    because: str
    cases: frozenset[str]

    def foresees(self, result: Result) -> bool:
        found = re.fullmatch(self.says, result.why, re.DOTALL)
        return result.kind == self.result and found is not None


def read() -> list[Deviation]:
    """The list, as it is committed."""
    return [
        Deviation(one["result"], one["says"], one["because"], frozenset(one["cases"]))
        for one in json.loads(_FILE.read_text(encoding="utf-8"))
    ]


def disagreements(results: Mapping[str, Result], deviations: list[Deviation]) -> Iterator[str]:
    """Where the list and what happened are not the same, a sentence each."""
    listed: dict[str, Deviation] = {}
    for deviation in deviations:
        for name in sorted(deviation.cases):
            if name in listed:
                yield f"{name} is listed twice"
            listed[name] = deviation
    for name in sorted(listed.keys() - results.keys()):
        yield f"{name} is listed, and there is no such case"
    for name, result in results.items():
        expected = listed.get(name)
        if expected is None and result.kind != "passed":
            yield f"{name} is {result.kind}, and not listed: {result.why}"
        elif expected is not None and result.kind == "passed":
            yield f"{name} passes, and is listed: take it off the list"
        elif expected is not None and not expected.foresees(result):
            yield f"{name} is {result.kind} for another reason than listed: {result.why}"
