"""Whether an answer of the runtime agrees with the language, and if not, why not."""

from typing import Any

from tests.campaigns.cel.answering import answer, same
from tests.campaigns.cel.readings import READINGS, reading

AGREES = "agrees"
SEVERAL = "several of these at once"


def verdict(text: str, theirs: Any) -> str | None:
    """AGREES, the name of the deviation that explains the difference, or None if none does."""
    if same(answer(text), theirs):
        return AGREES
    for one in READINGS:
        with reading(one):
            if same(answer(text), theirs):
                return one.name
    with reading(*READINGS):
        return SEVERAL if same(answer(text), theirs) else None
