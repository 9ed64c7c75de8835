"""
How much of the CEL specification the language is held to, and how it fares.

    python -m tests.conformance.cel

Ends with 1 if a vector disagrees that is not listed in `deviations.json`, or agrees and is.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from tests.conformance.cel.fetching import NotFetched, fetch
from tests.conformance.cel.holding import DEVIATIONS, agrees, run
from tests.conformance.cel.vectors import CORE, DIRECTORY, Vector, vectors, why_not


def main() -> int:
    """The exit status."""
    try:
        fetch()
    except NotFetched as error:
        sys.stdout.write(f"skipped: {error}\n")
        return 0
    if reason := why_not():
        sys.stdout.write(f"skipped: {reason}\n")
        return 0
    every = vectors()
    fitting = [vector for vector in every if vector.outside is None]
    agreeing = {vector.name for vector in fitting if agrees(vector, run(vector))}
    wrong = [one.name for one in fitting if (one.name in agreeing) == (one.name in DEVIATIONS)]
    for line in account(every, fitting, agreeing):
        sys.stdout.write(f"{line}\n")
    for name in wrong:
        told = "agrees, and is listed" if name in agreeing else "disagrees, and is not listed"
        sys.stdout.write(f"{name} {told}\n")
    return 1 if wrong else 0


def account(
    every: Sequence[Vector], fitting: Sequence[Vector], agreeing: set[str]
) -> Iterator[str]:
    """The totals, and what is left out, by reason."""
    package = json.loads((DIRECTORY / "package.json").read_text("utf-8"))
    yield f"cel-spec {package['upstreamCelSpecRef']}: {len(every):,} vectors"
    outside = Counter(vector.outside for vector in every if vector.outside)
    yield f"{outside.total():>7,} say nothing about the language"
    yield from (f"{count:>15,}  {reason}" for reason, count in outside.most_common())
    core = sum(vector.section in CORE for vector in fitting)
    rest = len(fitting) - core
    yield f"{len(fitting):>7,} fit JSON data: {core} of the core, {rest} of extensions"
    of_core = sum(vector.section in CORE for vector in fitting if vector.name in agreeing)
    yield (
        f"{len(agreeing):>15,}  agree: {of_core} of the core, "
        f"{len(agreeing) - of_core} of extensions"
    )
    deviating = Counter(DEVIATIONS[one.name] for one in fitting if one.name in DEVIATIONS)
    yield f"{deviating.total():>15,}  deviate, as listed"
    yield from (f"{count:>23,}  {reason}" for reason, count in deviating.most_common())


if __name__ == "__main__":
    sys.exit(main())
