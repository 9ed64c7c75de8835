"""
Machines by the hash of their spec, so that each is compiled once a process.
"""

from collections import OrderedDict
from collections.abc import Callable

from control_plane.engine.machine import Machine

MAX_MACHINES = 256
"""Machines a process keeps when nobody says otherwise."""


class MachineCache:
    """The machines used last, never more than `max_machines` of them."""

    def __init__(self, max_machines: int = MAX_MACHINES) -> None:
        if max_machines < 1:
            raise ValueError(f"max_machines is {max_machines}; a cache holds at least one")
        self._max_machines = max_machines
        self._machines: OrderedDict[str, Machine] = OrderedDict()

    def __len__(self) -> int:
        return len(self._machines)

    def get(self, spec_hash: str, load: Callable[[], Machine]) -> Machine:
        """
        The machine of a spec, by `load` if it is not here.

        Raises ValueError if what `load` gives is of another spec: it would decide wrongly
        for every instance of this one.
        """
        found = self._machines.get(spec_hash)
        if found is not None:
            self._machines.move_to_end(spec_hash)
            return found
        made = load()
        if made.spec_hash != spec_hash:
            raise ValueError(
                f"asked for the machine of spec {spec_hash}, got that of {made.spec_hash}; "
                "compile the text exactly as it was stored"
            )
        self._machines[spec_hash] = made
        if len(self._machines) > self._max_machines:
            self._machines.popitem(last=False)
        return made

    def find(self, spec_hash: str) -> Machine | None:
        """The machine if it is here, for callers whose loading must wait for something."""
        found = self._machines.get(spec_hash)
        if found is not None:
            self._machines.move_to_end(spec_hash)
        return found
