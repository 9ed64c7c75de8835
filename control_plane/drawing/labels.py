"""
What authors wrote, as the text of a picture: plain, short, and never markup.
"""

import html
import textwrap
import unicodedata
from collections.abc import Sequence

MAX_LINE = 34
"""Characters of a line on a picture."""

MAX_LINES = 3
"""Lines of one phrase on a picture."""

MAX_ROWS = 12
"""Phrases of one label; more are counted."""


def lines_of(text: str) -> list[str]:
    """The text in short lines, at most MAX_LINES of them, as it may stand in a label."""
    plain = " ".join("".join(map(_visible, text)).split())
    # The rest is never looked at, however long a name its author has chosen.
    lines = textwrap.wrap(plain[: MAX_LINE * MAX_LINES * 2], MAX_LINE) or [""]
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - 1], f"{lines[MAX_LINES - 1][: MAX_LINE - 1]}…"]
    # Graphviz replaces \\N and its like even inside of HTML-like labels, before it reads them.
    return [html.escape(line).replace("\\", "&#92;") for line in lines]


def few(rows: Sequence[str]) -> list[str]:
    """At most MAX_ROWS of them, and a last one that says how many are left out."""
    if len(rows) <= MAX_ROWS:
        return list(rows)
    return [*rows[: MAX_ROWS - 1], f"… {len(rows) - MAX_ROWS + 1} more"]


def _visible(character: str) -> str:
    """A space for what is no character of a text: controls, surrogates, joiners, line ends."""
    return " " if unicodedata.category(character)[0] in "CZ" else character
