"""What executors of AI tasks ask and say, in memory."""

from dataclasses import replace
from datetime import UTC, timedelta

from control_plane.adapters.memory.database import BoundAiTask, MemoryDatabase
from control_plane.ports.ai_desk import (
    AiCall,
    AiRecord,
    AiTask,
    AiToolCall,
    Recording,
    Refusal,
    Reservation,
    Reserved,
    check_same_call,
    check_same_tool,
    gap,
    not_held,
)
from control_plane.ports.ai_policies import EVERYTHING, PLATFORM_POLICY
from control_plane.ports.ai_records import AiSpend
from control_plane.ports.ai_tasks import DEFAULT_POLICY
from control_plane.ports.instance_store import TaskKey
from control_plane.ports.records import InstanceKey
from shared.ids import TenantId


class MemoryAiDesk:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def task(self, key: TaskKey) -> AiTask | None:
        database = self._database
        bound, task = database.ai_tasks.get(key), database.task_with_lease(key)
        if bound is None or task is None:
            return None
        instance = database.instances[InstanceKey(key.tenant_id, key.instance_id)]
        return AiTask(
            key=key,
            policy_name=bound.policy_name,
            policy_version=bound.policy_version,
            platform=self._document(None, PLATFORM_POLICY, bound.platform_version),
            default=self._document(key.tenant_id, DEFAULT_POLICY, bound.default_version),
            policy=self._document(key.tenant_id, bound.policy_name, bound.policy_version),
            guardrails=bound.guardrails,
            events=bound.events,
            input=task.input,
            definition_key=instance.definition_key,
            definition_version=instance.definition_version,
            is_off=self._is_off(key, bound),
            epoch=None if task.lease is None or task.is_closed else task.lease.epoch,
            last_call_number=bound.calls,
            calls=tuple(database.ai_calls.get(key, ())),
            tool_calls=tuple(database.ai_tool_calls.get(key, ())),
        )

    async def reserve(self, asked: Reservation) -> Reserved | None:
        database, key = self._database, asked.key
        bound = self._held(key, asked.epoch)
        if bound is None:
            return None
        known = self._call(key, asked.call_number)
        if known is not None:
            check_same_call(known, asked)
            if known.record is not None:
                return Reserved(call=known, cost=known.reserved_last)
        elif asked.call_number != bound.calls + 1:
            raise gap("call_number", asked.call_number)
        day = database.now().astimezone(UTC).date().isoformat()
        if self._is_off(key, bound):
            return Reserved(refusal="switched_off")
        if known is not None and known.epoch == asked.epoch:
            return Reserved(cost=known.reserved_last)
        refusal = self._refusal(asked, bound, day)
        if refusal is not None:
            return Reserved(refusal=refusal)
        for scope in (day, str(key.instance_id)):
            spend = self._spend(key, scope)
            database.ai_spend[key.tenant_id, scope] = replace(
                spend, committed=spend.committed + asked.worst_cost, calls=spend.calls + 1
            )
        bound.committed += asked.worst_cost
        bound.calls = max(bound.calls, asked.call_number)
        database.ai_call_days[key, asked.call_number] = day
        self._put(
            AiCall(
                key=key,
                call_number=asked.call_number,
                request_sha256=asked.request_sha256,
                provider=asked.provider,
                model=asked.model,
                epoch=asked.epoch,
                reserved=asked.worst_cost + (0 if known is None else known.reserved),
                reserved_last=asked.worst_cost,
                reserved_at=database.now() if known is None else known.reserved_at,
                record=None,
            )
        )
        return Reserved(cost=asked.worst_cost)

    async def record(self, told: Recording) -> tuple[AiCall, bool] | None:
        database, key = self._database, told.key
        bound = self._held(key, told.epoch)
        known = self._call(key, told.call_number)
        if bound is None or known is None or known.request_sha256 != told.request_sha256:
            return None
        if known.record is not None:
            return known, True
        cost = known.reserved_last if told.cost is None else told.cost
        keep = None if told.keep_s is None else database.now() + timedelta(seconds=told.keep_s)
        record = AiRecord(
            classification=told.classification,
            output=told.output,
            tool_requests=told.tool_requests,
            reported_model=told.reported_model,
            input_tokens=told.input_tokens,
            output_tokens=told.output_tokens,
            cost=cost,
            latency_ms=told.latency_ms,
            prompt_sha256=told.prompt_sha256,
            redacted_prompt=told.redacted_prompt,
            context_manifest=told.context_manifest,
            verdicts=told.verdicts,
            keep_until=keep,
            recorded_at=database.now(),
        )
        self._put(replace(known, record=record))
        settled = cost - known.reserved_last
        bound.committed += settled
        for scope in (database.ai_call_days[key, told.call_number], str(key.instance_id)):
            spend = self._spend(key, scope)
            database.ai_spend[key.tenant_id, scope] = replace(
                spend,
                committed=spend.committed + settled,
                input_tokens=spend.input_tokens + (told.input_tokens or 0),
                output_tokens=spend.output_tokens + (told.output_tokens or 0),
            )
        return replace(known, record=record), False

    async def record_tool(
        self, key: TaskKey, epoch: int, call: AiToolCall
    ) -> tuple[AiToolCall, bool] | None:
        bound = self._held(key, epoch)
        asking = self._call(key, call.call_number)
        if bound is None or asking is None or asking.record is None:
            return None
        known = self._database.ai_tool_calls.setdefault(key, [])
        if call.tool_call_number <= len(known):
            same = known[call.tool_call_number - 1]
            check_same_tool(same, call)
            return same, True
        if call.tool_call_number != len(known) + 1:
            raise gap("tool_call.tool_call_number", call.tool_call_number)
        known.append(call)
        return call, False

    def _held(self, key: TaskKey, epoch: int) -> BoundAiTask | None:
        bound, task = self._database.ai_tasks.get(key), self._database.task_with_lease(key)
        if bound is None or task is None:
            return None
        if task.is_closed or task.lease is None or task.lease.epoch != epoch:
            raise not_held(epoch)
        return bound

    def _refusal(self, asked: Reservation, bound: BoundAiTask, day: str) -> Refusal | None:
        key, cost = asked.key, asked.worst_cost
        if asked.call_number > asked.max_calls:
            return "iterations"
        if bound.committed + cost > asked.cost_per_task:
            return "task_cost"
        if self._spend(key, day).committed + cost > asked.cost_per_day:
            return "day_cost"
        if self._spend(key, str(key.instance_id)).committed + cost > asked.cost_per_instance:
            return "instance_cost"
        return None

    def _is_off(self, key: TaskKey, bound: BoundAiTask) -> bool:
        wanted = (
            (None, EVERYTHING),
            (key.tenant_id, EVERYTHING),
            (key.tenant_id, bound.policy_name),
        )
        return any(one in self._database.ai_switches for one in wanted)

    def _spend(self, key: TaskKey, scope: str) -> AiSpend:
        return self._database.ai_spend.get((key.tenant_id, scope)) or AiSpend(scope=scope)

    def _document(self, tenant_id: TenantId | None, name: str, version: int | None) -> str | None:
        if version is None:
            return None
        return self._database.ai_policies[tenant_id][name, version].document

    def _call(self, key: TaskKey, number: int) -> AiCall | None:
        known = self._database.ai_calls.get(key, ())
        return next((one for one in known if one.call_number == number), None)

    def _put(self, call: AiCall) -> None:
        known = self._database.ai_calls.setdefault(call.key, [])
        known[:] = [one for one in known if one.call_number != call.call_number]
        known.append(call)
        known.sort(key=lambda one: one.call_number)
