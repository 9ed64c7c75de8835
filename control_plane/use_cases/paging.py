"""
Pages of a list: by key, bounded in rows and in bytes.

A page may come out shorter than was asked for, even empty, and still have a next one:
when its rows are large, or when the filter passes over rows that the index could not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.errors import InvalidRequest

DEFAULT_PAGE = 50
MAX_PAGE = 200
MAX_PAGE_BYTES = 2 * 1024 * 1024
"""gRPC clients take 4 MiB unless they are told else."""

MAX_COUNTED = 100_000
"""What a count counts up to."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`last` is the row after which the next page begins, None where this one ends the list."""

    rows: Sequence[Row]
    last: Row | None


def page_size(asked: int) -> int:
    """0 gives the default; more than the most gives the most."""
    if asked < 0:
        raise InvalidRequest(
            f"page_size {asked} is negative; leave it unset for {DEFAULT_PAGE}", field="page_size"
        )
    return min(asked, MAX_PAGE) or DEFAULT_PAGE


def page_of(
    found: Sequence[Row],
    size: int,
    *,
    bytes_of: Callable[[Row], int],
    keep: Callable[[Row], bool] | None = None,
) -> Page[Row]:
    """
    The page in what was found, which is one row more than `size` unless the list ends there.

    The first row is taken whatever its size, so that every page gets on.
    """
    rows: list[Row] = []
    used = 0
    for index, row in enumerate(found[:size]):
        if keep is not None and not keep(row):
            continue
        used += bytes_of(row)
        if rows and used > MAX_PAGE_BYTES:
            return Page(rows, found[index - 1])
        rows.append(row)
    return Page(rows, found[size - 1] if len(found) > size else None)
