"""
Whose an instance is, for executors: an outcome names its task by the instance alone.

What this process commits it remembers, so that the usual outcome costs no look-up. What
others committed is looked up once: among the leases first, which are few, then by every
tenant's primary key.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from control_plane.ports.records import InstanceKey
from shared.ids import InstanceId, TenantId

MAX_REMEMBERED = 200_000

LookUp: TypeAlias = Callable[[Sequence[InstanceId]], Awaitable[Sequence[InstanceKey]]]


class RememberedTenants:
    """An instance never changes its tenant, so what is known stays true."""

    def __init__(self, look_up: LookUp, max_remembered: int = MAX_REMEMBERED) -> None:
        self._look_up = look_up
        self._max = max_remembered
        self._known: OrderedDict[InstanceId, TenantId] = OrderedDict()

    def learn(self, keys: Iterable[InstanceKey]) -> None:
        for tenant_id, instance_id in keys:
            self._known[instance_id] = tenant_id
            self._known.move_to_end(instance_id)
        while len(self._known) > self._max:
            self._known.popitem(last=False)

    async def of(self, instance_ids: Sequence[InstanceId]) -> Mapping[InstanceId, TenantId]:
        """Whose these instances are; one that is absent does not exist."""
        unknown = [one for one in instance_ids if one not in self._known]
        found = {one: self._known[one] for one in instance_ids if one in self._known}
        if unknown:
            keys = await self._look_up(unknown)
            self.learn(keys)
            found.update((key.instance_id, key.tenant_id) for key in keys)
        return found
