"""
Machines by the hash of their spec, so that each is compiled once a process.
"""

from collections import OrderedDict
from collections.abc import Callable

from control_plane.engine.limits import MAX_MACHINES, MAX_MACHINES_BYTES
from control_plane.engine.machine import Machine

_LOOKUPS_BETWEEN_WEIGHINGS = 1_000
"""Machines grow as they are used; weighing all of them takes 0.2 µs each."""


class MachineCache:
    """
    The machines used last: never more than `max_machines`, and no more than fit into about
    `max_bytes` as long as there are two. What they have grown by since is seen after a
    thousand look-ups at the latest.
    """

    def __init__(
        self, max_machines: int = MAX_MACHINES, max_bytes: int = MAX_MACHINES_BYTES
    ) -> None:
        if max_machines < 1:
            raise ValueError(f"max_machines is {max_machines}; a cache holds at least one")
        self._max_machines = max_machines
        self._max_bytes = max_bytes
        self._machines: OrderedDict[str, Machine] = OrderedDict()
        self._lookups = 0

    def __len__(self) -> int:
        return len(self._machines)

    @property
    def memory(self) -> int:
        """About how many bytes the machines take."""
        return sum(machine.memory for machine in self._machines.values())

    def get(self, spec_hash: str, load: Callable[[], Machine]) -> Machine:
        """
        The machine of a spec, by `load` if it is not here.

        Raises ValueError if what `load` gives is of another spec: it would decide wrongly
        for every instance of this one.
        """
        found = self.find(spec_hash)
        if found is not None:
            return found
        made = load()
        if made.spec_hash != spec_hash:
            raise ValueError(
                f"asked for the machine of spec {spec_hash}, got that of {made.spec_hash}; "
                "compile the text exactly as it was stored"
            )
        self._machines[spec_hash] = made
        self._make_room()
        return made

    def find(self, spec_hash: str) -> Machine | None:
        """The machine if it is here, for callers whose loading must wait for something."""
        found = self._machines.get(spec_hash)
        if found is not None:
            self._machines.move_to_end(spec_hash)
            self._lookups += 1
            if self._lookups % _LOOKUPS_BETWEEN_WEIGHINGS == 0:
                self._make_room()
        return found

    def _make_room(self) -> None:
        memory = self.memory
        while len(self._machines) > 1 and (
            len(self._machines) > self._max_machines or memory > self._max_bytes
        ):
            _, oldest = self._machines.popitem(last=False)
            memory -= oldest.memory
