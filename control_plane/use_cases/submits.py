"""What use cases need of the orchestrator."""

from collections.abc import Sequence
from typing import Protocol

from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import Request
from shared.errors import FoliotError


class Submits(Protocol):
    async def submit(self, request: Request) -> Answer:
        """Answers after the commit. Raises the FoliotError that the request met."""

    async def submit_all(self, requests: Sequence[Request]) -> list[Answer | FoliotError]:
        """One for each request, in their order; never raises for one of them."""
