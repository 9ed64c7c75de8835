"""
Writing down how a decision came about, for those who asked.
"""

from control_plane.engine.decision import Considered, Microstep, Trace
from control_plane.engine.limits import MAX_TRACED
from shared.json import Json


class Tracer:
    """
    Collects microsteps; whatever was considered since the last one belongs to the next.

    Once it is full it tells of no more candidates and no more microsteps, whatever
    happens: a hostile spec has a million of them for one event.
    """

    __slots__ = ("_considered", "_count", "_logged", "_microsteps")

    def __init__(self) -> None:
        self._count = 0
        self._considered: list[Considered] = []
        self._logged: list[Json] = []
        self._microsteps: list[Microstep] = []

    @property
    def is_full(self) -> bool:
        return self._count > MAX_TRACED

    def consider(self, candidate: Considered) -> None:
        self._count += 1
        if not self.is_full:
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
        if self.is_full or (not chosen and not self._considered):
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
        return Trace(
            microsteps=tuple(self._microsteps),
            logged=tuple(self._logged),
            is_cut_short=self.is_full,
        )
