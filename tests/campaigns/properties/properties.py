"""
What must hold of every life of every machine. Each property says what is wrong, by failing.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from control_plane.engine import (
    ArmTimer,
    CancelTask,
    DisarmTimer,
    ExpressionFailed,
    decide,
    dump_snapshot,
    fold,
    load_snapshot,
)
from tests.campaigns.properties.lives import Life, machine_of
from tests.engine.machines import is_legal

ENDINGS: Final = frozenset({"TASK_COMPLETED", "TASK_FAILED", "TASK_CANCELLED"})
BEGINNINGS: Final = frozenset({"TASK_CREATED", "TASK_REDRIVEN"})


def every_configuration_is_legal(life: Life) -> None:
    """One child of a compound state, all regions of a parallel one, never a history."""
    for moment in life.moments:
        snapshot = moment.decision.snapshot
        assert not snapshot.configuration or is_legal(life.machine, snapshot)


def the_history_folds_to_the_snapshot(life: Life) -> None:
    """The snapshot is a cache: the history alone is enough."""
    history = [(entry, one.now) for one in life.moments for entry in one.decision.history]
    if life.moments[0].decision.disposition == "APPLIED":
        assert life.snapshot == fold(life.machine, history)


def a_stored_snapshot_is_the_same(life: Life) -> None:
    """Nothing is lost on the way through the database, and equal ones are equal bytes."""
    stored = dump_snapshot(life.snapshot)
    restored = load_snapshot(life.machine, stored)

    assert life.snapshot == restored
    assert stored == dump_snapshot(restored)


def a_restored_snapshot_decides_the_same(life: Life) -> None:
    """Stored and read before every event, on a machine with caches of its own."""
    machine = machine_of(life.number, copy=1)
    for moment in life.moments:
        before = moment.before
        if before is not None:
            before = load_snapshot(machine, dump_snapshot(before))
        assert moment.decision == decide(machine, before, moment.event, moment.now)


def a_trace_changes_nothing(life: Life) -> None:
    """Asking why must not change what."""
    for moment in life.moments:
        traced = decide(life.machine, moment.before, moment.event, moment.now, trace=True)
        assert moment.decision == replace(traced, trace=None)


def a_refused_event_leaves_only_its_refusal(life: Life) -> None:
    """No command and the snapshot as it was; the history tells of it once."""
    for moment in life.moments[1:]:
        decision = moment.decision
        if decision.disposition != "REJECTED":
            continue
        assert moment.before is decision.snapshot
        assert decision.commands == ()
        assert [entry.type for entry in decision.history] == ["EVENT_REJECTED"]
        assert decision.refusal is not None


def a_failed_expression_is_located(life: Life) -> None:
    """The pointer leads to somewhere, so that an author finds what to mend."""
    for moment in life.moments:
        refusal = moment.decision.refusal
        if isinstance(refusal, ExpressionFailed):
            assert refusal.json_pointer.startswith("/")
            assert refusal.message


def the_commands_add_up(life: Life) -> None:
    """Whoever carries them out has the same open tasks and timers as the snapshot."""
    tasks: set[int] = set()
    timers: dict[str, Any] = {}
    for moment in life.moments:
        decision = moment.decision
        ended = {
            entry.ordinal
            for entry in decision.history
            if entry.type in {"TASK_COMPLETED", "TASK_FAILED"}
        }
        for command in decision.commands:
            match command:
                case CancelTask(ordinal=ordinal):
                    tasks.remove(ordinal)
                case ArmTimer(timer_id=timer_id, due=due):
                    timers[timer_id] = due
                case DisarmTimer(timer_id=timer_id):
                    del timers[timer_id]
                case _:
                    assert command.ordinal not in tasks
                    tasks.add(command.ordinal)
        tasks -= ended
        assert timers == {key: timer.due for key, timer in decision.snapshot.timers.items()}
        assert tasks == set(decision.snapshot.tasks)


def every_task_begins_and_ends_once(life: Life) -> None:
    """One entry that creates each ordinal, and at most one that ends it."""
    history = [entry for one in life.moments for entry in one.decision.history]
    begun = [entry.ordinal for entry in history if entry.type in BEGINNINGS]
    ended = [entry.ordinal for entry in history if entry.type in ENDINGS]

    assert len(begun) == len(set(begun))
    assert len(ended) == len(set(ended))
    assert set(begun) - set(ended) == set(life.snapshot.tasks)


def an_ended_instance_waits_for_nothing(life: Life) -> None:
    """Of an ended instance only detached tasks may still be open."""
    for moment in life.moments:
        snapshot = moment.decision.snapshot
        if snapshot.status != "active":
            assert {} == snapshot.timers
            assert all(task.detached for task in snapshot.tasks.values())


PROPERTIES: Final[tuple[Callable[[Life], None], ...]] = (
    every_configuration_is_legal,
    the_history_folds_to_the_snapshot,
    a_stored_snapshot_is_the_same,
    a_restored_snapshot_decides_the_same,
    a_trace_changes_nothing,
    a_refused_event_leaves_only_its_refusal,
    a_failed_expression_is_located,
    the_commands_add_up,
    every_task_begins_and_ends_once,
    an_ended_instance_waits_for_nothing,
)
