"""Answers of the runtime that are kept, so that tests compare with it where it is not."""

import json
from pathlib import Path
from typing import Any, Final

from tests.campaigns.cel.growing import Grower
from tests.campaigns.cel.runtime import Runtime

ANSWERS: Final = Path(__file__).parents[2] / "conformance" / "cel" / "answers.json"
KEPT: Final = 500
LONGEST: Final = 120
"""Characters of an expression that is kept."""


def record(runtime: Runtime, seed: int) -> None:
    """Write the answers to the first expressions of a seed that are short, but not too short."""
    grower = Grower(seed)
    texts: dict[str, None] = {}
    while len(texts) < KEPT:
        grown = grower.expression()
        if len(grown.text) <= LONGEST and not grown.is_leaf:
            texts[grown.text] = None
    answers = zip(texts, runtime.answers(list(texts)), strict=True)
    lines = ",\n".join(json.dumps(pair, ensure_ascii=False) for pair in answers)
    ANSWERS.write_text(f"[\n{lines}\n]\n", "utf-8")


def recorded() -> list[tuple[str, Any]]:
    """The expressions and the answers."""
    return [(text, answer) for text, answer in json.loads(ANSWERS.read_text("utf-8"))]
