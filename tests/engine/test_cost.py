"""What an event costs, counted in calls: those are the same on a busy machine as on an idle one."""

import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest

from bench.engine.shapes import Spec, flat, in_parallel
from control_plane.engine import Received, Snapshot, Started, compile_spec, decide, load_snapshot
from control_plane.engine.machine import Machine
from control_plane.engine.storing import dump_snapshot
from tests.engine.telling import NOW

GO = Received(type="GO", payload={"amount": 50}, event_id="e1")
MAX_CALLS = 30
"""Of Python functions, for an event with a guard, an assign and an entry assign. 28 today."""

MAX_CALLS_STORED = 33
"""The same with loading and dumping the snapshot. 31 today."""


def called(work: Callable[[], object]) -> list[str]:
    """The names of the engine's functions that were called, each as often as it was."""
    names: list[str] = []

    def note(frame: FrameType, kind: str, _: Any) -> None:
        module = str(frame.f_globals.get("__name__", ""))
        if kind == "call" and module.startswith("control_plane.engine"):
            names.append(f"{module.removeprefix('control_plane.engine.')}.{frame.f_code.co_name}")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return names


def at_work(spec: Spec) -> tuple[Machine, Snapshot]:
    """A machine that was in all of its states, and an instance of it."""
    machine = compile_spec(spec)
    snapshot = decide(machine, None, Started(), NOW).snapshot
    for _ in range(len(machine.states) + 1):
        snapshot = decide(machine, snapshot, GO, NOW).snapshot
    return machine, snapshot


def calls_of_an_event(spec: Spec) -> list[str]:
    machine, snapshot = at_work(spec)
    return called(lambda: decide(machine, snapshot, GO, NOW))


class TestAnEvent:
    def test_takes_few_calls(self) -> None:
        """A call takes 50 ns or more, so that their number is most of the time."""
        assert len(calls_of_an_event(flat(5))) <= MAX_CALLS

    def test_takes_few_calls_from_storage_to_storage(self) -> None:
        """That is what the orchestrator does for each instance of a turn."""
        machine, snapshot = at_work(flat(5))
        stored = dump_snapshot(snapshot)

        def work() -> None:
            dump_snapshot(decide(machine, load_snapshot(machine, stored), GO, NOW).snapshot)

        assert len(called(work)) <= MAX_CALLS_STORED

    def test_takes_as_many_calls_in_a_machine_of_many_states(self) -> None:
        """What a machine could do does not matter, only what it does."""
        assert calls_of_an_event(flat(5)) == calls_of_an_event(flat(200))

    @pytest.mark.parametrize("size", [1_024, 65_536])
    def test_takes_as_many_calls_with_a_large_context(self, size: int) -> None:
        """Neither are values walked through that nobody reads, nor is the whole measured."""
        assert calls_of_an_event(flat(5)) == calls_of_an_event(flat(5, context_bytes=size))

    @pytest.mark.parametrize("spec", [flat(5), in_parallel()], ids=["flat", "parallel"])
    def test_runs_no_procedure_of_the_standard_that_has_run_before(self, spec: Spec) -> None:
        """Domains, exit sets and entry sets follow from what is active and what was chosen."""
        assert not [name for name in calls_of_an_event(spec) if name.startswith("procedures.")]


class TestAnAssign:
    def test_writes_out_only_what_it_sets(self) -> None:
        """A context of 64 KiB takes 80 µs to write, ten times what the event takes."""
        machine, snapshot = at_work(flat(5, context_bytes=65_536))

        assert "sizing._written" not in called(lambda: decide(machine, snapshot, GO, NOW))
        assert snapshot.context_bytes > 65_536

    def test_measures_a_context_that_was_put_in_its_place(self) -> None:
        """What is known of the size belongs to one context, and not to the next."""
        machine, snapshot = at_work(flat(5))
        moved = replace(snapshot, context={**snapshot.context, "more": "x" * 1_000})

        after = decide(machine, moved, GO, NOW).snapshot

        assert 0 == moved.context_bytes
        assert len(dump_snapshot(after)) > after.context_bytes > 1_000
