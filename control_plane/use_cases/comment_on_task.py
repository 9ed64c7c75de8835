"""Say something of a task, and read what was said."""

from collections.abc import Sequence

from control_plane.orchestrator.request import CommentOn, Request
from control_plane.ports.people import Person
from control_plane.ports.reader import Reader
from control_plane.ports.records import Task
from control_plane.ports.standing import Comment
from control_plane.use_cases import fields
from control_plane.use_cases.get_task import get_task, get_task_for
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.ids import TenantId, parse_task_id

MAX_COMMENT = 4_000
"""Characters of a comment."""


async def comment_on_task(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    *,
    text: str,
    person: Person,
    request_id: str,
) -> Task:
    """Also of one that has ended. Without a request id every call is another comment."""
    instance_id, ordinal = parse_task_id(task_id)
    fields.required(text, "text", longest=MAX_COMMENT)
    await orchestrator.submit(
        Request(
            tenant_id=tenant_id,
            instance_id=instance_id,
            asked=CommentOn(ordinal=ordinal, text=text, person=person),
            repeatable=repeatable(request_id, "comment", [task_id, text]),
        )
    )
    return await get_task(reader, tenant_id, task_id)


async def list_comments(
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    *,
    person: Person,
    author: str | None,
    after_seq: int,
    size: int,
) -> tuple[Sequence[Comment], bool]:
    """A page, and whether there are more. Raises NotFound for who may not see the task."""
    instance_id, ordinal = parse_task_id(task_id)
    await get_task_for(reader, tenant_id, task_id, person)
    found = await reader.list_comments(
        tenant_id, instance_id, ordinal, author=author, after_seq=after_seq, limit=size + 1
    )
    return found[:size], len(found) > size
