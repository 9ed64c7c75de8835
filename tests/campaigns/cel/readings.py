"""
Where the language and the CEL project's runtime are known to differ: each difference as a
change to the language that makes it do what the runtime does.

So a difference is never explained by what a message says: with the changes made, the
language must give exactly the runtime's answer, or the difference is unexplained.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from tests.campaigns.cel import changes


@dataclass(frozen=True, slots=True)
class Reading:
    name: str
    about: str
    change: Callable[[ExitStack], None]


READINGS: Final = (
    Reading(
        "mixed arithmetic",
        "an int and a double compute as doubles; the runtime has no such overload",
        changes.mixed,
    ),
    Reading(
        "text of a double",
        "string() writes 1250000, Infinity and NaN; the runtime 1.25e+06, inf and -nan",
        changes.text_of_double,
    ),
    Reading(
        "bool to int",
        "int() takes no bool, as in the specification; the runtime's does",
        changes.bool_to_int,
    ),
    Reading(
        "lenient texts",
        "numbers and timestamps are read from what the specification names; the runtime reads "
        "spaces, 0x10, leap seconds and single digits too",
        changes.lenient_texts,
    ),
    Reading(
        "durations",
        "durations are read from ISO 8601 and with µs too, and end after 292 years",
        changes.durations,
    ),
    Reading(
        "end of a string",
        "a substring may end where its string does, as in the specification",
        changes.end_of_string,
    ),
    Reading(
        "empty texts",
        "an empty text has no characters to be split into; for the runtime it has one, empty",
        changes.empty_texts,
    ),
    Reading(
        "time zones",
        "an offset has two digits of hours, and Z is UTC",
        changes.zones,
    ),
    Reading(
        "no such key",
        "what can be no key is in no map; for the runtime asking is an error",
        changes.keys_that_are_none,
    ),
    Reading(
        "pairs",
        "!! and -- take a bool and a number, as ! and - do; the runtime leaves them out",
        changes.pairs,
    ),
    Reading(
        "patterns",
        "a pattern that is written out is read when the expression is compiled",
        changes.late_patterns,
    ),
)


@contextmanager
def reading(*readings: Reading) -> Iterator[None]:
    """The language as changed by these."""
    with ExitStack() as stack:
        for one in readings:
            one.change(stack)
        yield
