"""Try dead tasks once more, each for itself."""

from collections.abc import Sequence

from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import Redrive, Request
from control_plane.orchestrator.stalled import stalled_tasks
from control_plane.ports.reader import Reader
from control_plane.ports.records import Instance
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.retry_instance import retry_request
from control_plane.use_cases.submits import Submits
from shared.errors import FoliotError, LimitExceeded
from shared.ids import InstanceId, TenantId, parse_task_id

MAX_REDRIVEN = 200


async def redrive_tasks(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_ids: Sequence[str],
    *,
    redriven_by: str,
) -> list[Answer | FoliotError]:
    """
    An answer or an error for each, in their order; none affects another.

    Where an instance failed, it is retried, and once, however many of its tasks are named.
    """
    if len(task_ids) > MAX_REDRIVEN:
        raise LimitExceeded(
            "task_ids", actual=len(task_ids), maximum=MAX_REDRIVEN, field="task_ids"
        )
    seen: dict[InstanceId, Instance | FoliotError] = {}
    requests: list[Request | FoliotError] = []
    for one in task_ids:
        try:
            instance_id, ordinal = parse_task_id(one)
            if instance_id not in seen:
                seen[instance_id] = await _found(reader, tenant_id, instance_id)
        except FoliotError as error:
            requests.append(error)
            continue
        instance = seen[instance_id]
        if isinstance(instance, FoliotError):
            requests.append(instance)
        else:
            requests.append(_request(instance, ordinal, redriven_by))
    answers = iter(
        await orchestrator.submit_all([one for one in requests if isinstance(one, Request)])
    )
    return [one if isinstance(one, FoliotError) else next(answers) for one in requests]


async def _found(
    reader: Reader, tenant_id: TenantId, instance_id: InstanceId
) -> Instance | FoliotError:
    try:
        return await find_instance(reader, tenant_id, instance_id)
    except FoliotError as error:
        return error


def _request(instance: Instance, ordinal: int, redriven_by: str) -> Request:
    if ordinal in stalled_tasks(instance):
        reason = f"task {ordinal} was redriven"
        return retry_request(instance, reason=reason, retried_by=redriven_by)
    return Request(
        tenant_id=instance.tenant_id,
        instance_id=instance.instance_id,
        asked=Redrive(ordinal=ordinal, redriven_by=redriven_by),
    )
