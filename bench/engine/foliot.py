"""This project's engine: decide() with everything it delivers, history and commands included."""

import json
from datetime import UTC, datetime
from typing import Final

from bench.engine.contender import Figures
from bench.engine.shapes import EVENT, GUARD, Shape, Spec, context_of
from bench.engine.timing import best_us, taken_bytes
from control_plane.engine import (
    Machine,
    Received,
    Snapshot,
    Started,
    compile_spec,
    decide,
    dump_snapshot,
    load_snapshot,
)
from control_plane.engine.expressions import Budget, compile_expression

NOW: Final = datetime(2030, 1, 31, 12, tzinfo=UTC)
GO: Final = Received(
    type=EVENT["type"],
    payload={key: value for key, value in EVENT.items() if key != "type"},
    event_id="e1",
)


class Foliot:
    name = "foliot"

    def measure(self, shape: Shape) -> Figures:
        """Snapshots follow from each other, as they do in an instance's life."""
        text = json.dumps(shape.spec)
        machine = compile_spec(text)
        snapshot = _started(machine)
        stored = dump_snapshot(snapshot)

        def event() -> None:
            nonlocal snapshot
            snapshot = decide(machine, snapshot, GO, NOW).snapshot

        def event_from_storage() -> None:
            nonlocal stored
            stored = dump_snapshot(
                decide(machine, load_snapshot(machine, stored), GO, NOW).snapshot
            )

        return Figures(
            event_us=best_us(event),
            stored_us=best_us(event_from_storage),
            compile_ms=best_us(lambda: compile_spec(text)) / 1e3,
            memory_bytes=taken_bytes(lambda: _used(text, shape.spec)),
        )

    def close(self) -> None:
        """There is nothing to let go of."""


def guard_us(context_bytes: int) -> float:
    """One guard over a context of this size."""
    guard = compile_expression(GUARD, frozenset({"context", "event"}))
    scope = {"context": context_of(context_bytes), "event": EVENT}
    budget = Budget()
    return best_us(lambda: guard.evaluate(scope, budget))


def estimated_bytes(spec: Spec) -> int:
    """What a machine says of itself, which is what the cache of machines goes by."""
    return _used(json.dumps(spec), spec).memory


def _used(text: str, spec: Spec) -> Machine:
    machine = compile_spec(text)
    snapshot = _started(machine)
    for _ in range(len(spec["states"]) + 3):
        snapshot = decide(machine, snapshot, GO, NOW).snapshot
    return machine


def _started(machine: Machine) -> Snapshot:
    decision = decide(machine, None, Started(), NOW)
    if decision.refusal is not None:
        raise RuntimeError(f"the machine does not start: {decision.refusal}")
    return decision.snapshot
