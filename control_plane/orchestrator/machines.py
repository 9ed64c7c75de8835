"""Compiled definitions, by id: a spec never changes, so an id is as good as a hash to look up."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import TypeAlias

from control_plane.engine import Machine, MachineCache, compile_spec
from control_plane.ports.definition_store import DefinitionStore
from shared.errors import NotFound
from shared.ids import DefinitionId, TenantId

MachineKey: TypeAlias = tuple[TenantId, DefinitionId]

MAX_KNOWN_DEFINITIONS = 10_000
"""Definitions whose hash a process remembers; the least recently used goes first."""


class Machines:
    """
    Loads a spec once, and shares one machine among all definitions of equal text.

    How many machines are kept, and in how much memory, is the cache's affair.
    """

    def __init__(self, definitions: DefinitionStore, cache: MachineCache | None = None) -> None:
        self._definitions = definitions
        self._hashes: OrderedDict[MachineKey, str] = OrderedDict()
        self._by_hash = MachineCache() if cache is None else cache

    async def load(self, wanted: Iterable[MachineKey]) -> dict[MachineKey, Machine]:
        """The machines of these definitions, compiled where they are not at hand."""
        return {key: self._kept(key) or await self._compile(*key) for key in wanted}

    def _kept(self, key: MachineKey) -> Machine | None:
        spec_hash = self._hashes.get(key)
        if spec_hash is None:
            return None
        self._hashes.move_to_end(key)
        return self._by_hash.find(spec_hash)

    async def _compile(self, tenant_id: TenantId, definition_id: DefinitionId) -> Machine:
        definition = await self._definitions.get(tenant_id, definition_id)
        if definition is None:
            raise NotFound("definition", str(definition_id))
        spec_hash = definition.spec_hash.hex()
        machine = self._by_hash.get(spec_hash, lambda: compile_spec(definition.spec))
        self._hashes[tenant_id, definition_id] = spec_hash
        if len(self._hashes) > MAX_KNOWN_DEFINITIONS:
            self._hashes.popitem(last=False)
        return machine
