"""What holds of every machine and of everything that can happen to its instances."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from control_plane.engine import (
    ArmTimer,
    Cancelled,
    CancelTask,
    CreateTask,
    DisarmTimer,
    Entry,
    Received,
    check_spec,
    fold,
)
from control_plane.engine.spec.vocabulary import INVOKE, ROOT, TRANSITION
from tests.engine.machines import is_legal, random_event, random_spec
from tests.engine.telling import NOW, Instance

WORDS = (
    *sorted({*ROOT, *TRANSITION, *INVOKE}), "params", "@expr", "branches", "a", "b",
)  # fmt: skip
SEEDS = st.integers(0, 2**32)
MANY = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.filter_too_much]
)


def a_life(seed: int) -> tuple[Instance, Random]:
    """An instance to which a few things have happened, and the chance for more."""
    chance = Random(seed)
    spec = random_spec(chance)
    assume(check_spec(spec)[0] is not None)
    it = Instance(spec, input={"x": 1})
    assume(it.decision.disposition == "APPLIED")
    for _ in range(chance.randint(0, 8)):
        it.wait(timedelta(seconds=chance.randint(0, 3)))
        it.tell(random_event(chance, it.snapshot))
    if chance.random() < 0.2:
        it.cancel()
    return it, chance


class TestEveryInstance:
    @MANY
    @given(SEEDS)
    def test_is_in_a_legal_configuration(self, seed: int) -> None:
        """One child of a compound state, all regions of a parallel one, never a history."""
        it, _ = a_life(seed)
        assert is_legal(it.machine, it.snapshot)

    @MANY
    @given(SEEDS)
    def test_is_what_its_history_folds_to(self, seed: int) -> None:
        """The snapshot is a cache: the history alone is enough."""
        it, _ = a_life(seed)
        assert it.snapshot == it.folded()

    @MANY
    @given(SEEDS)
    def test_is_the_same_when_it_was_stored(self, seed: int) -> None:
        """Nothing is lost on the way through the database."""
        it, _ = a_life(seed)
        assert it.snapshot == it.reloaded()

    @MANY
    @given(SEEDS)
    def test_decides_the_same_wherever_it_is_loaded(self, seed: int) -> None:
        """Neither the process nor what it did before has a say."""
        it, chance = a_life(seed)
        elsewhere = Instance(it.spec, input={"x": 1})
        elsewhere._snapshot, elsewhere.now = it.reloaded(), it.now
        event = random_event(chance, it.snapshot)

        assert it.tell(event, trace=True) == elsewhere.tell(event, trace=True)

    @MANY
    @given(SEEDS)
    def test_waits_for_nothing_once_it_has_ended(self, seed: int) -> None:
        """Of an ended instance only detached tasks may still be open."""
        it, _ = a_life(seed)
        assume(it.snapshot.status != "active")

        assert {} == it.snapshot.timers
        assert all(task.detached for task in it.snapshot.tasks.values())

    @MANY
    @given(SEEDS)
    def test_keeps_nothing_of_a_refused_event_but_the_refusal(self, seed: int) -> None:
        """One entry, no command, the snapshot as it was."""
        it, chance = a_life(seed)
        before = it.snapshot
        it.tell(Received(type=chance.choice("ABCD"), payload={}))
        assume(it.decision.disposition == "REJECTED")

        assert (before, ()) == (it.decision.snapshot, it.decision.commands)
        assert ["EVENT_REJECTED"] == it.told
        assert it.decision.refusal is not None


class TestTheCommandsOfEveryInstance:
    @MANY
    @given(SEEDS)
    def test_add_up_to_what_its_snapshot_waits_for(self, seed: int) -> None:
        """Whoever carries them out has the same open tasks and armed timers as the snapshot."""
        chance = Random(seed)
        spec = random_spec(chance)
        assume(check_spec(spec)[0] is not None)
        it = Instance(spec, input={"x": 1})
        assume(it.decision.disposition == "APPLIED")
        tasks: set[int] = set()
        timers: dict[str, Any] = {}
        ended: set[int] = set()
        for _ in range(8):
            for command in it.decision.commands:
                match command:
                    case CreateTask(ordinal=ordinal):
                        assert ordinal not in tasks | ended
                        tasks.add(ordinal)
                    case CancelTask(ordinal=ordinal):
                        tasks.remove(ordinal)
                        ended.add(ordinal)
                    case ArmTimer(timer_id=timer_id, due=due):
                        timers[timer_id] = due
                    case DisarmTimer(timer_id=timer_id):
                        del timers[timer_id]
            for entry in it.decision.history:
                if entry.type in {"TASK_COMPLETED", "TASK_FAILED"} and entry.ordinal is not None:
                    tasks.remove(entry.ordinal)
                    ended.add(entry.ordinal)

            assert tasks == set(it.snapshot.tasks)
            assert timers == {key: timer.due for key, timer in it.snapshot.timers.items()}
            it.tell(random_event(chance, it.snapshot))

    @MANY
    @given(SEEDS)
    def test_end_every_task_once(self, seed: int) -> None:
        """One TASK_CREATED and at most one ending for each ordinal."""
        it, _ = a_life(seed)
        created = [e.ordinal for e, _ in it.history if e.type == "TASK_CREATED"]
        ended = [
            e.ordinal
            for e, _ in it.history
            if e.type in {"TASK_COMPLETED", "TASK_FAILED", "TASK_CANCELLED"}
        ]

        assert len(created) == len(set(created))
        assert len(ended) == len(set(ended))
        assert set(created) - set(ended) == set(it.snapshot.tasks)


class TestEverySpec:
    @settings(max_examples=300, deadline=None)
    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False)
            | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(WORDS),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=25,
        )
    )
    def test_is_compiled_or_refused_whatever_it_says(self, value: Any) -> None:
        """Never an exception: what a tenant sends may be anything at all."""
        machine, diagnostics = check_spec(value if isinstance(value, dict) else {"states": value})

        assert (machine is None) == any(found.severity == "error" for found in diagnostics)

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=200) | st.text(max_size=200))
    def test_is_refused_when_it_is_no_json(self, text: str | bytes) -> None:
        """Bytes off the wire."""
        machine, diagnostics = check_spec(text)

        assert (machine is None) == any(found.severity == "error" for found in diagnostics)


class TestAHistory:
    def test_begins_with_a_start(self) -> None:
        """A part of one is no history."""
        it = Instance({"on": {"GO": {"actions": []}}, "unhandled": "ignore"})

        with pytest.raises(ValueError, match="read it from its first entry"):
            fold(it.machine, [])
        with pytest.raises(ValueError, match="begins with INSTANCE_STARTED"):
            fold(it.machine, [(Entry(type="INSTANCE_CANCELLED", payload={"reason": ""}), NOW)])

    def test_may_hold_entries_of_others(self) -> None:
        """Attempts, leases and retries are the orchestrator's to tell."""
        it = Instance({"initial": "a", "states": {"a": {"on": {"GO": "b"}}, "b": {}}})
        it.send("GO")
        it.history.insert(1, (Entry(type="TASK_STARTED", payload={"attempt": 1}, ordinal=1), NOW))

        assert it.snapshot == it.folded()

    def test_of_a_cancelled_instance_ends_where_it_did(self) -> None:
        """What the exits did comes again from the cancellation."""
        it = Instance({"exit": {"type": "@assign", "context": {"why": {"@expr": "event.reason"}}}})
        it.tell(Cancelled(reason="x"))

        assert it.snapshot == it.folded()


class TestADecision:
    PROGRAM = """
import hashlib
from control_plane.engine import *
from datetime import UTC, datetime
now = datetime(2030, 1, 1, tzinfo=UTC)
names = [f"r{n}" for n in range(6)]
machine = compile_spec({"type": "parallel", "states": {name: {"initial": "a", "states": {
    "a": {"invoke": {"src": "http"}, "after": {"10": "b"}, "on": {"GO": "b"}},
    "b": {"entry": {"type": "@emit", "event": {"type": name}}, "on": {"BACK": "a"}},
    "m": {"type": "history"}}} for name in names}})
snapshot = decide(machine, None, Started(), now).snapshot
decisions = []
for kind in ("GO", "BACK", "GO"):
    decision = decide(machine, snapshot, Received(type=kind), now, trace=True)
    snapshot = decision.snapshot
    decisions.append(repr((decision.commands, decision.history, decision.trace)))
    decisions.append(repr(dump_snapshot(snapshot)))
print(hashlib.sha256("".join(decisions).encode()).hexdigest())
"""

    def test_is_the_same_in_every_process(self) -> None:
        """Whatever the seed of Python's hashes: sets are never walked in their own order."""
        digests = {
            subprocess.run(
                [sys.executable, "-c", self.PROGRAM],
                env={**os.environ, "PYTHONHASHSEED": seed},
                cwd=Path(__file__).parents[2],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for seed in ("0", "1", "2")
        }

        assert 1 == len(digests)
