"""
Look for what must not be, a check after the other: the database as a whole, then each tenant.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.doctor import DATABASE_CHECKS, Doctor, Finding
from control_plane.use_cases.examine import PATIENCE, examine
from control_plane.use_cases.whose import no_such_tenant
from shared.clock import Clock
from shared.errors import InvalidRequest, Overloaded
from shared.ids import TenantId

TIME_LIMIT = timedelta(minutes=10)
SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(hours=1)
MOST_PATIENT = timedelta(days=1)

MAX_FINDINGS = 1_000
"""Of one check; more are counted only."""

RETRY_IN = timedelta(seconds=30)


class Verdict(Enum):
    GOOD = auto()
    BAD = auto()
    UNFINISHED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be looked at, and for how long at most (None: as long as it takes)."""

    tenant_id: TenantId | None = None
    after: TenantId | None = None
    """Of all tenants only those after this one, and nothing else."""
    patience: timedelta = PATIENCE
    time_limit: timedelta | None = TIME_LIMIT


@dataclass(slots=True, kw_only=True)
class Check:
    """What one check came to; `number` of `total`."""

    name: str
    number: int
    total: int
    verdict: Verdict = Verdict.GOOD
    findings: list[Finding] = field(default_factory=list)
    more: int = 0
    took: timedelta = timedelta(0)
    instances: int = 0
    unreplayed: int = 0

    def add(self, findings: Sequence[Finding]) -> None:
        room = MAX_FINDINGS - len(self.findings)
        self.findings += findings[:room]
        self.more += max(0, len(findings) - room)
        if findings:
            self.verdict = Verdict.BAD


class Surgery:
    """
    Where a doctor sees one after the other: one examination runs at a time.

    `checks` are those of DATABASE_CHECKS that there is a reason to make here.
    """

    def __init__(
        self,
        doctor: Doctor,
        definitions: DefinitionStore,
        clock: Clock,
        *,
        checks: Sequence[str] = tuple(DATABASE_CHECKS),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._doctor = doctor
        self._definitions = definitions
        self._clock = clock
        self._checks = checks
        self._monotonic = monotonic
        self._is_busy = False

    async def run(self, asked: Asked) -> AsyncGenerator[Check, None]:
        """
        What each check came to, as soon as it has ended.

        When the time is up, the check under way is the last one: BAD if it has found something,
        else UNFINISHED. It ends at the end of a slice, which takes some seconds at most. Raises
        Overloaded while another one runs (until its generator is closed), TENANT_NOT_FOUND, and
        InvalidRequest.
        """
        _check_asked(asked)
        if self._is_busy:
            raise Overloaded(
                "the doctor is at work on this server already; come back when it has ended",
                retry_in=RETRY_IN,
            )
        self._is_busy = True
        try:
            async for check in self._run(asked):
                yield check
        finally:
            self._is_busy = False

    async def _run(self, asked: Asked) -> AsyncIterator[Check]:
        begun = self._monotonic()
        tenants = await self._doctor.tenants()
        if asked.tenant_id is not None:
            if asked.tenant_id not in tenants:
                raise no_such_tenant(asked.tenant_id)
            tenants = [asked.tenant_id]
        # Of one tenant nothing but its data.
        checks = self._checks if asked.tenant_id is None else ()
        total = len(checks) + len(tenants)
        for number, name in enumerate(checks, start=1):
            if asked.after is not None or self._is_late(begun, asked):
                break
            yield await self._database(Check(name=name, number=number, total=total), asked)
        for number, tenant_id in enumerate(tenants, start=len(checks) + 1):
            if asked.after is not None and tenant_id <= asked.after:
                continue
            if self._is_late(begun, asked):
                return
            check = Check(name=f"tenant {tenant_id}", number=number, total=total)
            yield await self._tenant(check, tenant_id, begun, asked)

    async def _database(self, check: Check, asked: Asked) -> Check:
        begun = self._monotonic()
        found = await self._doctor.look(check.name, self._clock.now(), asked.patience)
        check.add(
            [
                Finding(
                    invariant=check.name,
                    tenant_id=TenantId(""),
                    instance_id=None,
                    ordinal=None,
                    message=message,
                )
                for message in found
            ]
        )
        check.took = timedelta(seconds=self._monotonic() - begun)
        return check

    async def _tenant(self, check: Check, tenant_id: TenantId, begun: float, asked: Asked) -> Check:
        at = self._monotonic()
        async for progress in examine(self._doctor, self._definitions, tenant_id, asked.patience):
            check.instances += progress.instances
            check.unreplayed += progress.unreplayed
            check.add(progress.findings)
            if not progress.is_last and self._is_late(begun, asked):
                if check.verdict is Verdict.GOOD:
                    check.verdict = Verdict.UNFINISHED
                break
        check.took = timedelta(seconds=self._monotonic() - at)
        return check

    def _is_late(self, begun: float, asked: Asked) -> bool:
        if asked.time_limit is None:
            return False
        return self._monotonic() - begun >= asked.time_limit.total_seconds()


def _check_asked(asked: Asked) -> None:
    if not timedelta(0) <= asked.patience <= MOST_PATIENT:
        raise InvalidRequest("overdue_after must be from 0 to a day", field="overdue_after")
    if asked.time_limit is not None and not SHORTEST <= asked.time_limit <= LONGEST:
        raise InvalidRequest("ends_within must be from a second to an hour", field="ends_within")
