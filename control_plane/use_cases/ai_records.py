"""Look into what AI tasks did and cost."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from control_plane.ports.ai_desk import AiCall
from control_plane.ports.ai_policies import AiPolicy, AiPolicyStore
from control_plane.ports.ai_records import Agreement, AiRecords, AiSpend
from control_plane.ports.instance_store import TaskKey
from control_plane.ports.reader import Reader
from control_plane.use_cases.ai_policies import policy_name
from control_plane.use_cases.paging import Page, page_of
from control_plane.use_cases.reserve_budget import MAX_CALL_NUMBER
from shared.errors import FoliotError, InvalidRequest, NotFound
from shared.ids import InstanceId, TenantId, parse_task_id

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was spent in a day, and for an instance, if that was asked."""

    day: str
    of_day: AiSpend
    of_instance: AiSpend | None


async def get_ai_spend(
    records: AiRecords,
    reader: Reader,
    tenant_id: TenantId,
    day: str,
    instance_id: InstanceId | None,
) -> Spent:
    """
    Without a day, of today in UTC. Raises InvalidRequest for what is no day, and NotFound for an
    instance that there is not.
    """
    if day and not _is_day(day):
        raise InvalidRequest(f"day {day!r} is no day, as 2030-01-31", field="day")
    if instance_id is not None and await reader.get_instance(tenant_id, instance_id) is None:
        raise NotFound("instance", str(instance_id))
    day = day or await records.today()
    scopes = [day] if instance_id is None else [day, str(instance_id)]
    found = {one.scope: one for one in await records.spend(tenant_id, scopes)}
    return Spent(
        day=day,
        of_day=found.get(day) or AiSpend(scope=day),
        of_instance=None
        if instance_id is None
        else found.get(str(instance_id)) or AiSpend(scope=str(instance_id)),
    )


async def list_ai_policies(
    policies: AiPolicyStore,
    tenant_id: TenantId | None,
    name: str,
    *,
    after: tuple[str, int] | None,
    size: int,
) -> Page[AiPolicy]:
    """By name, the newest version first."""
    found = await policies.list(tenant_id, name, after=after, limit=size + 1)
    return page_of(found, size, bytes_of=lambda one: len(one.document))


async def list_ai_calls(
    records: AiRecords,
    tenant_id: TenantId,
    instance_id: InstanceId | None,
    *,
    after: tuple[datetime, TaskKey, int] | None,
    size: int,
) -> Page[AiCall]:
    """The newest first."""
    found = await records.calls(tenant_id, instance_id, after=after, limit=size + 1)
    return page_of(found, size, bytes_of=lambda _: 0)


async def get_ai_call(
    records: AiRecords, tenant_id: TenantId, task_id: str, call_number: int
) -> AiCall:
    """Raises AI_CALL_NOT_FOUND."""
    instance_id, ordinal = parse_task_id(task_id)
    if not 0 < call_number <= MAX_CALL_NUMBER:
        raise InvalidRequest(
            f"call_number {call_number} is not from 1 to {MAX_CALL_NUMBER}", field="call_number"
        )
    found = await records.call(TaskKey(tenant_id, instance_id, ordinal), call_number)
    if found is None:
        raise FoliotError(
            f"task {task_id} has no call {call_number} of a model; ListAiCalls lists them",
            reason="AI_CALL_NOT_FOUND",
            metadata={"task_id": task_id, "call_number": str(call_number)},
        )
    return found


async def get_ai_agreement(
    records: AiRecords, tenant_id: TenantId, name: str, since: datetime | None
) -> Sequence[Agreement]:
    """By version and mode, the newest version first."""
    policy_name(name, "policy_name", of=tenant_id)
    return await records.agreement(tenant_id, name, since)


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
