"""What is known of AI tasks afterwards, in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.ports.ai_desk import AiCall
from control_plane.ports.ai_records import Agreement, AiSpend, Suggestion
from control_plane.ports.instance_store import TaskKey
from shared.ids import InstanceId, TenantId


class MemoryAiRecords:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def suggestion(self, key: TaskKey) -> Suggestion | None:
        for known in self._database.ai_suggestions.values():
            if known.review == key.ordinal and known.key[:2] == key[:2]:
                return known
        return None

    async def spend(self, tenant_id: TenantId, scopes: Sequence[str]) -> Sequence[AiSpend]:
        known = self._database.ai_spend
        return [known[tenant_id, one] for one in sorted(set(scopes)) if (tenant_id, one) in known]

    async def today(self) -> str:
        return self._database.now().astimezone(UTC).date().isoformat()

    async def calls(
        self,
        tenant_id: TenantId,
        instance_id: InstanceId | None,
        *,
        after: tuple[datetime, TaskKey, int] | None,
        limit: int,
    ) -> Sequence[AiCall]:
        found = sorted(
            (
                call
                for key, calls in self._database.ai_calls.items()
                if key.tenant_id == tenant_id and instance_id in {None, key.instance_id}
                for call in calls
            ),
            key=_place,
            reverse=True,
        )
        return [
            one for one in found if after is None or _place(one) < (after[0], after[1], after[2])
        ][:limit]

    async def call(self, key: TaskKey, call_number: int) -> AiCall | None:
        known = self._database.ai_calls.get(key, ())
        return next((one for one in known if one.call_number == call_number), None)

    async def agreement(
        self, tenant_id: TenantId, policy_name: str, since: datetime | None
    ) -> Sequence[Agreement]:
        found: dict[tuple[int, bool], Agreement] = {}
        for one in self._database.ai_suggestions.values():
            if (one.key.tenant_id, one.policy_name) != (tenant_id, policy_name):
                continue
            if one.decided_at is None or (since is not None and one.decided_at < since):
                continue
            key = -one.policy_version, one.is_shadow
            known = found.get(key) or Agreement(
                policy_name=policy_name,
                policy_version=one.policy_version,
                is_shadow=one.is_shadow,
                decided=0,
                agreed=0,
                abstained=0,
                expired=0,
            )
            is_expired = one.decision == "EXPIRE"
            agrees = not is_expired and one.proposed is not None
            found[key] = replace(
                known,
                decided=known.decided + 1,
                agreed=known.agreed + (agrees and one.decided_event == one.proposed),
                abstained=known.abstained + (one.proposed is None),
                expired=known.expired + is_expired,
            )
        return [found[key] for key in sorted(found)]

    async def forget(self, at_once: int) -> int:
        now, count = self._database.now(), 0
        for key, calls in self._database.ai_calls.items():
            if not self._database.tasks[key].is_closed:
                continue
            for place, call in enumerate(calls):
                record = call.record
                is_over = record is not None and record.keep_until is not None
                if record is None or not is_over or count >= at_once:
                    continue
                if record.keep_until is not None and record.keep_until <= now:
                    calls[place] = replace(
                        call,
                        record=replace(
                            record,
                            output="",
                            tool_requests="[]",
                            redacted_prompt=None,
                            context_manifest="[]",
                            verdicts="[]",
                            keep_until=None,
                        ),
                    )
                    count += 1
                    answered = self._database.ai_tool_calls.get(key, [])
                    answered[:] = [
                        replace(one, result="") if one.call_number == call.call_number else one
                        for one in answered
                    ]
        return count


def _place(call: AiCall) -> tuple[datetime, TaskKey, int]:
    return call.reserved_at, call.key, call.call_number
