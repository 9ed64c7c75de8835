"""
XState's half of a match: what its effects add up to, in the same virtual time.
"""

from typing import Any

from tests.campaigns.xstate.decisions import Variant
from tests.campaigns.xstate.observed import Observed, Timer, Told, as_json
from tests.campaigns.xstate.oracle import Oracle, Report
from tests.campaigns.xstate.steps import ERROR


class Theirs:
    """One machine in node. `is_legal` tells whether XState has been legal throughout."""

    def __init__(self, oracle: Oracle, variant: Variant, spec: dict[str, Any], given: Any) -> None:
        self._oracle = oracle
        self._timers: list[Timer] = []
        self._children: dict[str, Any] = {}
        self.is_legal = True
        self.threw = ""
        self.seen = self._see(oracle.start(variant, spec, given), at_ms=0)

    def tell(self, told: Told) -> Observed:
        """Let XState hear of a step; what can be seen afterwards."""
        if told.event is None:
            self.seen = self._see(self._oracle.restore(), told.at_ms)
            return self.seen
        if told.rang in self._timers:
            self._timers.remove(told.rang)
        if told.ended is not None:
            self._children.pop(told.ended, None)
        self.seen = self._see(self._oracle.send(told.event), told.at_ms)
        return self.seen

    def _see(self, report: Report, at_ms: float) -> Observed:
        # A start that throws gives a snapshot with the error in it.
        self.threw = report.get("threw") or report["failed"] or ""
        if self.threw == ERROR["message"]:
            self.threw = ""
        if self.threw:
            is_loop = self.threw.startswith("Infinite loop detected")
            return Observed(fault="limit" if is_loop else "expression")
        for kind, name, *more in report["effects"]:
            self._apply(kind, name, more, at_ms)
        if report["status"] != "active":
            self._timers = []
        self.is_legal = self.is_legal and report["legal"]
        return Observed(
            status=report["status"],
            active=tuple(report["active"]),
            value=report["value"],
            context=report["context"],
            output=report["output"],
            emitted=tuple(report["emitted"]),
            logged=tuple(report["logged"]),
            timers=tuple(sorted(self._timers)),
            children=dict(self._children),
        )

    def _apply(self, kind: str, name: str | None, more: list[Any], at_ms: float) -> None:
        if kind in {"arm", "disarm"} and name is not None:
            self._timers = [timer for timer in self._timers if timer[0] != name]
        if kind == "arm":
            event, delay = more
            self._timers.append((name or "", at_ms + delay, as_json(event)))
        elif kind == "start" and name is not None:
            self._children[name] = more[0]
        elif kind == "stop" and name is not None:
            self._children.pop(name, None)
