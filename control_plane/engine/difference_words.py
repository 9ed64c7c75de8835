"""
A comparison of two machines in words: a line for each difference, and what they come to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from control_plane.engine.changes import Change
from control_plane.engine.comparing import Comparison
from control_plane.engine.continuing import Compatibility

Sign: TypeAlias = Literal["+", "-", "~", "title", "verdict", "reason"]

_MEANING: dict[Compatibility, str] = {
    "IDENTICAL": "nothing differs",
    "COMPATIBLE": "every instance can go on in the states it is in",
    "NEEDS_MAPPING": (
        "somebody has to say where the instances in some states go on; all others can"
    ),
    "BREAKING": "there are states in which an instance of the old one cannot just go on",
}
_SIGNS: dict[str, Sign] = {"added": "+", "removed": "-", "changed": "~"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line; `sign` is what kind it is, for those who colour it. The text has it too."""

    sign: Sign
    text: str


def difference_words(comparison: Comparison) -> Iterator[Line]:
    """All of a comparison, its verdict after the differences and the reasons for it last."""
    for path in comparison.added:
        yield Line(sign="+", text=f"+ state {path}")
    for path in comparison.removed:
        yield Line(sign="-", text=f"- state {path}")
    for one in comparison.renamed:
        if one.means != "parent":
            sure = "" if one.confidence == 1.0 else f", {one.confidence:.0%} alike"
            told = f"~ state {one.before} → {one.after} (by its {one.means}{sure})"
            yield Line(sign="~", text=told)
    state = ""
    for change in comparison.changes:
        if change.state != state:
            state = change.state
            title = "the definition" if state == "." else f"state {state}"
            yield Line(sign="title", text=title)
        yield from _of_change(change)
    verdict = comparison.compatibility
    yield Line(sign="verdict", text=f"{verdict}: {_MEANING[verdict]}")
    for reason in comparison.reasons:
        place = "the definition" if reason.state == "." else reason.state
        yield Line(sign="reason", text=f"    {place}: {reason.message}")


def _of_change(change: Change) -> Iterator[Line]:
    sign = _SIGNS[change.how]
    what = f"{change.part} {change.name}".rstrip()
    about = f" ({', '.join(change.aspects)})" if change.aspects else ""
    yield Line(sign=sign, text=f"    {sign} {what}{about}")
    if change.before:
        yield Line(sign="-", text=f"        - {change.before}")
    if change.after:
        yield Line(sign="+", text=f"        + {change.after}")
