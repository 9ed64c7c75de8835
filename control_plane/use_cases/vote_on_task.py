"""Approve or reject a task that several people decide."""

from control_plane.engine.limits import MAX_VOTERS
from control_plane.orchestrator.request import CastVote, Request
from control_plane.ports.people import Person
from control_plane.ports.reader import Reader
from control_plane.ports.records import Task
from control_plane.use_cases import fields
from control_plane.use_cases.forms import check_form
from control_plane.use_cases.get_task import get_task
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.errors import LimitExceeded
from shared.ids import TenantId, parse_task_id

MAX_VOTE_BYTES = 8 * 1024
"""Of what is given with a vote: of MAX_VOTERS of them together an instance goes on."""

assert MAX_VOTE_BYTES * MAX_VOTERS < 256 * 1024


async def vote_on_task(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    *,
    approves: bool,
    output: str | None,
    comment: str,
    person: Person,
    request_id: str,
) -> Task:
    """The vote that decides the task ends it, and the instance reacts in the same commit."""
    instance_id, ordinal = parse_task_id(task_id)
    fields.text(comment, "comment", longest=fields.MAX_REASON)
    value = fields.json_value(output, "output")
    size = 0 if output is None else len(output.encode())
    if size > MAX_VOTE_BYTES:
        raise LimitExceeded("output bytes", actual=size, maximum=MAX_VOTE_BYTES, field="output")
    task = await get_task(reader, tenant_id, task_id)
    if person.may_see(task) and (approves or value is not None):
        check_form(task, value)
    await orchestrator.submit(
        Request(
            tenant_id=tenant_id,
            instance_id=instance_id,
            asked=CastVote(
                ordinal=ordinal, approves=approves, person=person, output=value, comment=comment
            ),
            repeatable=repeatable(request_id, "vote", [task_id, approves, value, comment]),
        )
    )
    return await get_task(reader, tenant_id, task_id)
