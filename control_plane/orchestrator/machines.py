"""Compiled definitions, by id: a spec never changes, so an id is as good as a hash to look up."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import TypeAlias

from control_plane.engine import Machine, MachineCache, compile_spec
from control_plane.ports.definition_store import DefinitionStore
from shared.errors import NotFound
from shared.ids import DefinitionId, TenantId

MachineKey: TypeAlias = tuple[TenantId, DefinitionId]

MAX_MACHINES = 1_000
"""Compiled specs a process keeps; the least recently used goes first."""


class Machines:
    """Loads a spec once, and shares one machine among all definitions of equal text."""

    def __init__(self, definitions: DefinitionStore, max_machines: int = MAX_MACHINES) -> None:
        self._definitions = definitions
        self._max = max_machines
        self._by_id: OrderedDict[MachineKey, Machine] = OrderedDict()
        self._by_hash = MachineCache(max_machines)

    async def load(self, wanted: Iterable[MachineKey]) -> dict[MachineKey, Machine]:
        """The machines of these definitions, compiled where they are not at hand."""
        return {key: self._kept(key) or await self._compile(*key) for key in wanted}

    def _kept(self, key: MachineKey) -> Machine | None:
        machine = self._by_id.get(key)
        if machine is not None:
            self._by_id.move_to_end(key)
        return machine

    async def _compile(self, tenant_id: TenantId, definition_id: DefinitionId) -> Machine:
        definition = await self._definitions.get(tenant_id, definition_id)
        if definition is None:
            raise NotFound("definition", str(definition_id))
        machine = self._by_hash.get(
            definition.spec_hash.hex(), lambda: compile_spec(definition.spec)
        )
        self._by_id[tenant_id, definition_id] = machine
        if len(self._by_id) > self._max:
            self._by_id.popitem(last=False)
        return machine
