"""
Writing down how a decision came about, for those who asked.
"""

from control_plane.engine.decision import Considered, Microstep, Trace
from shared.json import Json


class Tracer:
    """Collects microsteps; whatever was considered since the last one belongs to the next."""

    __slots__ = ("_considered", "_logged", "_microsteps")

    def __init__(self) -> None:
        self._considered: list[Considered] = []
        self._logged: list[Json] = []
        self._microsteps: list[Microstep] = []

    def consider(self, candidate: Considered) -> None:
        self._considered.append(candidate)

    def log(self, value: Json) -> None:
        self._logged.append(value)

    def step(
        self,
        event: str,
        *,
        eventless: bool,
        chosen: tuple[str, ...],
        exited: tuple[str, ...] = (),
        entered: tuple[str, ...] = (),
    ) -> None:
        """Close a microstep. One that chose nothing is kept too: why not is worth knowing."""
        if not chosen and not self._considered:
            return
        self._microsteps.append(
            Microstep(
                event=event,
                eventless=eventless,
                considered=tuple(self._considered),
                chosen=chosen,
                exited=exited,
                entered=entered,
            )
        )
        self._considered = []

    def trace(self) -> Trace:
        return Trace(microsteps=tuple(self._microsteps), logged=tuple(self._logged))
