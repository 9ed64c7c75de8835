"""Let instances be started only while their tenant has room for them."""

from collections.abc import Sequence
from typing import Protocol

from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import Request, Start
from control_plane.use_cases.submits import Submits
from shared.errors import FoliotError
from shared.ids import TenantId


class Admits(Protocol):
    async def admit(self, tenant_id: TenantId) -> None:
        """A start is under way until `done`. Raises QuotaExceeded where there is no room."""

    def done(self, tenant_id: TenantId) -> None:
        """What was admitted has been answered, whatever by."""


class AdmittedStarts:
    """
    An orchestrator that refuses starts beyond their tenants' quotas.

    Everything else passes, so that what is there can go on and end. A start that would give
    the instance there is already is refused as well: nobody knows before it is decided.
    """

    def __init__(self, orchestrator: Submits, admits: Admits) -> None:
        self._orchestrator = orchestrator
        self._admits = admits

    async def submit(self, request: Request) -> Answer:
        if not isinstance(request.asked, Start):
            return await self._orchestrator.submit(request)
        await self._admits.admit(request.tenant_id)
        try:
            return await self._orchestrator.submit(request)
        finally:
            self._admits.done(request.tenant_id)

    async def submit_all(self, requests: Sequence[Request]) -> list[Answer | FoliotError]:
        refused: dict[int, FoliotError] = {}
        admitted: list[TenantId] = []
        try:
            for number, request in enumerate(requests):
                if isinstance(request.asked, Start):
                    try:
                        await self._admits.admit(request.tenant_id)
                        admitted.append(request.tenant_id)
                    except FoliotError as error:
                        refused[number] = error
            taken = [one for number, one in enumerate(requests) if number not in refused]
            answers = iter(await self._orchestrator.submit_all(taken))
            return [
                refused[number] if number in refused else next(answers)
                for number in range(len(requests))
            ]
        finally:
            for tenant_id in admitted:
                self._admits.done(tenant_id)
