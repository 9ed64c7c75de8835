"""Tell an executor on what terms its AI task may ask a model."""

from dataclasses import dataclass

from control_plane.ports.ai_desk import AiDesk, AiTask, not_held
from control_plane.ports.instance_store import TaskKey
from control_plane.use_cases import fields
from control_plane.use_cases.binding_policy import binding_policy
from shared.errors import InvalidRequest, NotFound
from shared.guardrails.policy import Policy
from shared.ids import TenantId, parse_task_id

MAX_EPOCH = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAiTask:
    """An AI task that its asker holds, and what binds it; None for no policy."""

    task: AiTask
    policy: Policy | None


async def get_ai_task(desk: AiDesk, tenant_id: str, task_id: str, epoch: int) -> HeldAiTask:
    """Raises NotFound for what is no AI task, and NotHeld for an old epoch."""
    key = ai_task_key(tenant_id, task_id, epoch)
    task = await desk.task(key)
    if task is None:
        raise NotFound("task", task_id)
    if task.epoch != epoch:
        raise not_held(epoch)
    return HeldAiTask(task=task, policy=binding_policy(task))


def ai_task_key(tenant_id: str, task_id: str, epoch: int) -> TaskKey:
    """Raises InvalidRequest for what names no task at a hand-out."""
    fields.required(tenant_id, "tenant_id", longest=fields.MAX_TENANT_ID)
    instance_id, ordinal = parse_task_id(task_id)
    if not 0 < epoch <= MAX_EPOCH:
        raise InvalidRequest(f"epoch {epoch} was never handed out", field="epoch")
    return TaskKey(TenantId(tenant_id), instance_id, ordinal)
