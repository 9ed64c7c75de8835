"""A doorbell that remembers who rang."""

from collections.abc import Sequence
from typing import NamedTuple


class Ring(NamedTuple):
    queue: str
    ids: tuple[str, ...]


class MemoryDoorbell:
    """`rings` are all there were, oldest first."""

    def __init__(self) -> None:
        self.rings: list[Ring] = []

    async def ring(self, queue: str, ids: Sequence[str]) -> None:
        self.rings.append(Ring(queue, tuple(ids)))
