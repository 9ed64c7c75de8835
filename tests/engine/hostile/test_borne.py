"""A spec that is meant to do harm and is legal harms nobody: each event is soon decided."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from control_plane.engine import Decision, Event, Machine, Received, Snapshot, Started, decide
from control_plane.engine.decision import LimitExceeded
from control_plane.engine.storing import dump_snapshot
from tests.engine.expressions.cost import is_within_bounds
from tests.engine.hostile.borne import BORNE, PAYLOAD
from tests.engine.telling import NOW, compiled

MAX_STORED = 2 * 1024 * 1024
"""Bytes of a snapshot, and again of the entries of an event: 1.2 and 0.5 MiB today."""

CASES = [(make, events, ending) for _, make, events, ending in BORNE]
NAMES = [name for name, _, _, _ in BORNE]


def told(events: tuple[str, ...]) -> list[Event]:
    return [Started(), *(Received(type=one, payload=dict(PAYLOAD)) for one in events)]


def ending_of(decision: Decision) -> str:
    """What stopped the event; "" when nothing did."""
    refusal = decision.refusal
    if isinstance(refusal, LimitExceeded):
        return refusal.limit
    return str(decision.history[-1].payload["reason"]) if refusal is not None else ""


class TestALegalSpecThatMeansHarm:
    @pytest.mark.parametrize(("make", "events", "ending"), CASES, ids=NAMES)
    def test_has_each_event_decided_in_time(
        self, make: Callable[[], Any], events: tuple[str, ...], ending: str
    ) -> None:
        """A turn decides hundreds of events, and others wait for theirs."""
        spec = make()
        machine: Machine = compiled(spec)
        snapshot: Snapshot | None = None

        def forget() -> None:
            """Nothing is planned, as in a process that has just started."""
            nonlocal machine
            machine = compiled(spec)

        ended = ""
        for event in told(events):
            assert is_within_bounds(
                lambda: decide(machine, snapshot, event, NOW),  # noqa: B023 - run at once
                prepare=forget,
            )
            decision = decide(machine, snapshot, event, NOW)
            ended = ending_of(decision)
            if not ended:
                snapshot = decision.snapshot

        assert ending == ended

    @pytest.mark.parametrize(("make", "events", "ending"), CASES, ids=NAMES)
    def test_leaves_little_behind(
        self, make: Callable[[], Any], events: tuple[str, ...], ending: str
    ) -> None:
        """What is written is read by others, over and over: explained, watched, folded."""
        machine, snapshot, refused = compiled(make()), None, 0
        for event in told(events):
            decision = decide(machine, snapshot, event, NOW)
            entries = [entry.payload for entry in decision.history]
            snapshot = decision.snapshot
            refused += decision.refusal is not None

            assert len(orjson.dumps(entries)) <= MAX_STORED
            assert len(dump_snapshot(snapshot)) <= MAX_STORED

        assert bool(ending) == bool(refused)
