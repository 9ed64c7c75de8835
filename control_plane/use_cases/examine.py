"""Look through the whole database for what must not be, without holding anybody up."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from control_plane.engine import Machine, SpecInvalid, compile_spec
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.doctor import FIRST, LAST, Doctor, Finding, Past
from control_plane.use_cases.examine_past import Problem, problems_of
from shared import json
from shared.errors import NotFound
from shared.ids import DefinitionId, TenantId

PATIENCE = timedelta(minutes=2)
"""How long a thing may be overdue: beyond every poll, sweep, lease and back-off of a default."""

MAX_DEFINITIONS = 200
"""Compiled specs kept while a tenant is looked through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """
    What one look came to. `unreplayed` are instances whose history is too long for it; `is_last`
    is true of a tenant's last look.
    """

    tenant_id: TenantId
    instances: int
    findings: Sequence[Finding]
    unreplayed: int = 0
    is_last: bool = False


async def examine(
    doctor: Doctor,
    definitions: DefinitionStore,
    tenant_id: TenantId | None = None,
    patience: timedelta = PATIENCE,
) -> AsyncIterator[Progress]:
    """
    Look at one tenant, or all, slice by slice; ends when everything was seen.

    A system at work may be examined. Raises NotFound for a tenant that there is not.
    """
    tenants = await doctor.tenants()
    if tenant_id is not None:
        if tenant_id not in tenants:
            raise NotFound("tenant", tenant_id)
        tenants = [tenant_id]
    for tenant in tenants:
        machines = _Machines(definitions, tenant)
        after = FIRST
        while after != LAST:
            slice_ = await doctor.next_slice(tenant, after)
            examined = await doctor.examine(slice_, patience)
            findings = list(examined.findings)
            for past in examined.pasts:
                findings += [_finding(past, problem) for problem in await _look(past, machines)]
            yield Progress(
                tenant_id=tenant,
                instances=slice_.instances,
                findings=findings,
                unreplayed=sum(past.entries is None for past in examined.pasts),
            )
            after = slice_.until
        strays = await doctor.strays(tenant, patience)
        yield Progress(tenant_id=tenant, instances=0, findings=strays, is_last=True)


async def _look(past: Past, machines: "_Machines") -> list[Problem]:
    machine = await machines.of(past.instance.definition_id)
    if isinstance(machine, str):
        return [Problem("I15", None, machine)]
    return problems_of(past, machine)


def _finding(past: Past, problem: Problem) -> Finding:
    return Finding(
        invariant=problem.invariant,
        tenant_id=past.instance.tenant_id,
        instance_id=past.instance.instance_id,
        ordinal=problem.ordinal,
        message=problem.message,
    )


class _Machines:
    """The machines of a tenant, or a sentence where there is none to be had."""

    def __init__(self, definitions: DefinitionStore, tenant_id: TenantId) -> None:
        self._definitions = definitions
        self._tenant_id = tenant_id
        self._kept: dict[DefinitionId, Machine | str] = {}

    async def of(self, definition_id: DefinitionId) -> Machine | str:
        if definition_id not in self._kept:
            if len(self._kept) == MAX_DEFINITIONS:
                self._kept.clear()
            self._kept[definition_id] = await self._load(definition_id)
        return self._kept[definition_id]

    async def _load(self, definition_id: DefinitionId) -> Machine | str:
        definition = await self._definitions.get(self._tenant_id, definition_id)
        if definition is None:
            return f"its definition {definition_id} is missing"
        if json.digest(definition.spec) != definition.spec_hash:
            return f"the spec of its definition {definition_id} was changed"
        try:
            return compile_spec(definition.spec)
        except SpecInvalid as error:
            return f"this release cannot read its definition {definition_id}: {error}"
