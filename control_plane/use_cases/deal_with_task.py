"""
What people do with a human task: claim it, let it go, give it to somebody, for good or a while.
"""

from control_plane.engine.limits import MAX_CANDIDATE
from control_plane.orchestrator.request import (
    Asked,
    Assign,
    Claim,
    Delegate,
    GiveBack,
    Request,
    Unclaim,
)
from control_plane.ports.people import Person
from control_plane.ports.reader import Reader
from control_plane.ports.records import Task
from control_plane.use_cases import fields
from control_plane.use_cases.get_task import get_task
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.ids import TenantId, parse_task_id
from shared.json import Json


async def claim_task(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    *,
    person: Person,
    request_id: str,
) -> Task:
    """The person has it from then on, and nobody else can take or end it. Repeating is harmless."""
    _, ordinal = parse_task_id(task_id)
    asked = Claim(ordinal=ordinal, person=person)
    said: list[Json] = [person.user]
    return await _deal(orchestrator, reader, tenant_id, task_id, "claim", asked, said, request_id)


async def unclaim_task(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    *,
    person: Person,
    reason: str,
    request_id: str,
) -> Task:
    """It is again everybody's whom it is offered to. Repeating is harmless."""
    _, ordinal = parse_task_id(task_id)
    fields.text(reason, "reason", longest=fields.MAX_REASON)
    asked = Unclaim(ordinal=ordinal, person=person, reason=reason)
    said: list[Json] = [reason]
    return await _deal(orchestrator, reader, tenant_id, task_id, "unclaim", asked, said, request_id)


async def assign_task(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    *,
    assignee: str,
    person: Person,
    reason: str,
    request_id: str,
) -> Task:
    """The assignee has it from then on. Repeating is harmless."""
    _, ordinal = parse_task_id(task_id)
    fields.required(assignee, "assignee", longest=MAX_CANDIDATE)
    fields.text(reason, "reason", longest=fields.MAX_REASON)
    asked = Assign(ordinal=ordinal, to=assignee, person=person, reason=reason)
    said: list[Json] = [assignee, reason]
    return await _deal(orchestrator, reader, tenant_id, task_id, "assign", asked, said, request_id)


async def delegate_task(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    *,
    assignee: str,
    person: Person,
    reason: str,
    request_id: str,
) -> Task:
    """The assignee has it from then on, and may give it back. Repeating is harmless."""
    _, ordinal = parse_task_id(task_id)
    fields.required(assignee, "assignee", longest=MAX_CANDIDATE)
    fields.text(reason, "reason", longest=fields.MAX_REASON)
    asked = Delegate(ordinal=ordinal, to=assignee, person=person, reason=reason)
    said: list[Json] = [assignee, reason]
    return await _deal(
        orchestrator, reader, tenant_id, task_id, "delegate", asked, said, request_id
    )


async def return_task(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    *,
    person: Person,
    reason: str,
    request_id: str,
) -> Task:
    """Whoever delegated it has it again. A repeat is one only by its request id."""
    _, ordinal = parse_task_id(task_id)
    fields.text(reason, "reason", longest=fields.MAX_REASON)
    asked = GiveBack(ordinal=ordinal, person=person, reason=reason)
    said: list[Json] = [reason]
    return await _deal(orchestrator, reader, tenant_id, task_id, "return", asked, said, request_id)


async def _deal(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    verb: str,
    asked: Asked,
    said: list[Json],
    request_id: str,
) -> Task:
    instance_id, _ = parse_task_id(task_id)
    await orchestrator.submit(
        Request(
            tenant_id=tenant_id,
            instance_id=instance_id,
            asked=asked,
            repeatable=repeatable(request_id, verb, [task_id, *said]),
        )
    )
    return await get_task(reader, tenant_id, task_id)
