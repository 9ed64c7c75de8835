"""Lists that come a page at a time."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.text import Text

from control_plane.cli.printing import aside

PAGE = 200
"""The most that a server gives at once."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Paged(Generic[Row]):
    """What was read, and whether there is more."""

    rows: Sequence[Row]
    is_all: bool


async def read_all(
    page: Callable[[int, str], Awaitable[tuple[Sequence[Row], str]]], limit: int | None
) -> Paged[Row]:
    """
    Pages until `limit` rows are there, or all of them without one; on a terminal it tells how
    far it is. `page` takes a page's size and token, and gives its rows and the next token.
    """
    found: list[Row] = []
    token = ""
    with aside().status("Reading …") as status:
        while True:
            size = PAGE if limit is None else min(PAGE, limit - len(found))
            rows, token = await page(size, token)
            found += rows
            status.update(f"Reading … {len(found):,}")
            if not token or (limit is not None and len(found) >= limit):
                return Paged(found, is_all=not token)


def say_there_is_more(paged: Paged[Row]) -> None:
    """Below a table; a program counts for itself."""
    if not paged.is_all:
        aside().print(
            Text(f"the first {len(paged.rows):,}; more with --limit, every one with --all", "dim"),
            soft_wrap=True,
        )
