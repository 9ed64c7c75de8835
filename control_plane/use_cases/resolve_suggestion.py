"""Decide on what a model suggested: as it was suggested, otherwise, or not at all."""

from typing import Literal, TypeAlias

from control_plane.orchestrator.request import Request, Resolve
from control_plane.ports.ai_records import AiRecords
from control_plane.ports.instance_store import TaskKey
from control_plane.ports.people import Person
from control_plane.ports.reader import Reader
from control_plane.ports.records import Task
from control_plane.use_cases import fields
from control_plane.use_cases.get_task import get_task, get_task_for
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.errors import InvalidRequest, PreconditionFailed
from shared.ids import TenantId, parse_task_id

HASH_LENGTH = 64

Choice: TypeAlias = Literal["APPROVE", "EDIT", "REJECT"]


async def resolve_suggestion(
    orchestrator: Submits,
    reader: Reader,
    records: AiRecords,
    tenant_id: TenantId,
    task_id: str,
    *,
    suggestion_hash: str,
    decision: Choice | None,
    event: str,
    data: str | None,
    reason: str,
    person: Person,
    request_id: str,
) -> Task:
    """
    The instance reacts in the same commit. The task is the one that reviews, as people see it.
    """
    instance_id, ordinal = parse_task_id(task_id)
    if decision is None:
        raise InvalidRequest("decision is required", field="decision")
    fields.required(suggestion_hash, "suggestion_hash", longest=HASH_LENGTH)
    fields.text(reason, "reason", longest=fields.MAX_REASON)
    fields.text(event, "event", longest=fields.MAX_EVENT_TYPE)
    if (decision == "EDIT") != bool(event):
        raise InvalidRequest("event is given with EDIT, and with nothing else", field="event")
    if decision != "EDIT" and data is not None:
        raise InvalidRequest("data is given with EDIT, and with nothing else", field="data")
    value = fields.json_value(data, "data")
    await get_task_for(reader, tenant_id, task_id, person)
    suggestion = await records.suggestion(TaskKey(tenant_id, instance_id, ordinal))
    if suggestion is None:
        raise PreconditionFailed(
            f"task {task_id} reviews no suggestion; complete it, or fail it",
            reason="TASK_NOT_REVIEW",
            metadata={"task_id": task_id},
        )
    await orchestrator.submit(
        Request(
            tenant_id=tenant_id,
            instance_id=instance_id,
            asked=Resolve(
                ordinal=ordinal,
                suggestion=suggestion,
                hash=suggestion_hash,
                decision=decision,
                event=event,
                data=value,
                reason=reason,
                person=person,
            ),
            repeatable=repeatable(
                request_id, "resolve", [task_id, suggestion_hash, decision, event, value, reason]
            ),
        )
    )
    return await get_task(reader, tenant_id, task_id)
