"""Policies and switches in memory."""

from collections.abc import Sequence
from dataclasses import replace

from control_plane.adapters.memory.audit_log import note
from control_plane.adapters.memory.database import MemoryDatabase, hash_of
from control_plane.ports.ai_policies import EVERYTHING, AiPolicy, AiSwitch, policy_target
from control_plane.ports.audit import Noted, Target
from shared.errors import LimitExceeded
from shared.ids import TenantId


class MemoryAiPolicies:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def create(
        self,
        tenant_id: TenantId | None,
        name: str,
        document: str,
        sha256: str,
        *,
        by: str,
        max_versions: int,
        noted: Noted | None = None,
    ) -> AiPolicy:
        known = self._of(tenant_id)
        newest = max((v for n, v in known if n == name), default=0)
        if newest and known[name, newest].sha256 == sha256:
            return known[name, newest]
        if len(known) >= max_versions:
            raise LimitExceeded("versions of AI policies", actual=len(known), maximum=max_versions)
        made = AiPolicy(
            name=name,
            version=newest + 1,
            document=document,
            sha256=sha256,
            is_active=False,
            created_at=self._database.now(),
            created_by=by,
        )
        self._keep(tenant_id, None, made, noted)
        return made

    async def get(
        self, tenant_id: TenantId | None, name: str, version: int | None
    ) -> AiPolicy | None:
        known = self._of(tenant_id)
        if version is not None:
            return known.get((name, version))
        return self._database.active_ai_policy(tenant_id, name)

    async def list(
        self, tenant_id: TenantId | None, name: str, *, after: tuple[str, int] | None, limit: int
    ) -> Sequence[AiPolicy]:
        found = sorted(self._of(tenant_id).values(), key=lambda one: (one.name, -one.version))
        start = ("", 0) if after is None else (after[0], -after[1])
        return [
            one for one in found if name in {"", one.name} and (one.name, -one.version) > start
        ][:limit]

    async def activate(
        self, tenant_id: TenantId | None, name: str, version: int, *, noted: Noted | None = None
    ) -> AiPolicy | None:
        found = self._of(tenant_id).get((name, version))
        if found is None or found.is_active:
            return found
        await self.deactivate(tenant_id, name)
        made = replace(found, is_active=True)
        self._keep(tenant_id, found, made, noted)
        return made

    async def deactivate(
        self, tenant_id: TenantId | None, name: str, *, noted: Noted | None = None
    ) -> AiPolicy | None:
        found = self._database.active_ai_policy(tenant_id, name)
        if found is None:
            return None
        made = replace(found, is_active=False)
        self._keep(tenant_id, found, made, noted)
        return made

    async def switch_off(
        self,
        tenant_id: TenantId | None,
        policy_name: str,
        *,
        reason: str,
        by: str,
        noted: Noted | None = None,
    ) -> AiSwitch:
        key = tenant_id, EVERYTHING if tenant_id is None else policy_name
        known = self._database.ai_switches.get(key)
        if known is not None:
            return known
        made = AiSwitch(
            tenant_id=tenant_id,
            policy_name=key[1],
            reason=reason,
            switched_by=by,
            switched_at=self._database.now(),
        )
        self._database.ai_switches[key] = made
        note(self._database, noted, tenant_id, Target("ai_switch", key[1]), None, hash_of(made))
        return made

    async def switch_on(
        self, tenant_id: TenantId | None, policy_name: str, *, noted: Noted | None = None
    ) -> bool:
        key = tenant_id, EVERYTHING if tenant_id is None else policy_name
        known = self._database.ai_switches.pop(key, None)
        if known is None:
            return False
        note(self._database, noted, tenant_id, Target("ai_switch", key[1]), hash_of(known), None)
        return True

    async def switches(self, tenant_id: TenantId | None) -> Sequence[AiSwitch]:
        found = self._database.ai_switches
        halt = [one for key, one in found.items() if key[0] is None]
        if tenant_id is None:
            return halt
        own = [one for key, one in sorted(found.items(), key=str) if key[0] == tenant_id]
        return [*halt, *own]

    def _of(self, tenant_id: TenantId | None) -> dict[tuple[str, int], AiPolicy]:
        return self._database.ai_policies.setdefault(tenant_id, {})

    def _keep(
        self,
        tenant_id: TenantId | None,
        before: AiPolicy | None,
        after: AiPolicy,
        noted: Noted | None,
    ) -> None:
        self._of(tenant_id)[after.name, after.version] = after
        target = policy_target(after.name, after.version)
        was = None if before is None else hash_of(before)
        note(self._database, noted, tenant_id, target, was, hash_of(after))
