"""Waking whoever sleeps. A bell that is lost costs a poll interval and nothing else."""

from collections.abc import Sequence
from typing import Protocol


class Doorbell(Protocol):
    async def ring(self, queue: str, ids: Sequence[str]) -> None:
        """Say that these ids (of tasks or instances) wait in a queue. Never raises."""
