"""The pages of the documentation as data: fenced blocks, tables, links, headings."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_OURS = {".venv", ".git", "build", "dist", ".pytest_cache", ".hypothesis", "node_modules"}

_FENCE = re.compile(r"^```(\S*)[ ]?(.*)$")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: ```` ```<language> <word> ````, and the line it begins at."""

    language: str
    word: str
    text: str
    line: int


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def pages() -> Iterator[Path]:
    """Every Markdown file of the project."""
    found = []
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if name not in NOT_OURS]
        found += [Path(folder, name) for name in names if name.endswith(".md")]
    yield from sorted(found)


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    opened: tuple[str, str, int] | None = None
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        fence = _FENCE.match(line)
        if opened is None and fence:
            opened, lines = (fence[1], fence[2].strip(), number), []
        elif opened is not None and line == "```":
            found.append(Block(opened[0], opened[1], "\n".join(lines) + "\n", opened[2]))
            opened = None
        elif opened is not None:
            lines.append(line)
    if opened is not None:
        raise ValueError(f"the block at line {opened[2]} is never closed")
    return found


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"there is no heading {heading!r}"
    return re.split(rf"\n#{{1,{level}}} ", rest, maxsplit=1)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of a page's table rows, without headers and rules."""
    table: list[list[str]] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if set("".join(cells)) <= {"-", ":"}:
            table.pop()
        else:
            table.append(cells)
    return table


def code(text: str) -> list[str]:
    """What stands between single backticks, fenced blocks left out."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


def links(text: str) -> list[str]:
    """Where a page's links lead; what only looks like one, inside code, is left out."""
    return [found[1] for found in _LINK.finditer(_CODE.sub("", text))]


def anchors(text: str) -> set[str]:
    """The names under which a page's headings can be linked to."""
    found = set()
    for line in re.sub(r"```.*?```", "", text, flags=re.DOTALL).splitlines():
        if line.startswith("#"):
            title = line.lstrip("#").strip().lower()
            found.add(re.sub(r"[^\w\- ]", "", title).replace(" ", "-"))
    return found
