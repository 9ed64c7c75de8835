"""Snapshots as bytes, and back."""

import json
from dataclasses import replace
from typing import Any

import pytest

from control_plane.engine import SnapshotUnreadable, dump_snapshot, load_snapshot
from tests.engine.telling import Instance, compiled, expr, raised

BUSY: dict[str, Any] = {
    "initial": "a",
    "context": {"b": 1, "a": [1.5, None, "é"]},
    "states": {
        "a": {
            "initial": "x",
            "invoke": {"id": "call", "src": "http", "onError": "b"},
            "after": {"PT1M": "b"},
            "entry": [
                {
                    "type": "createTask",
                    "params": {"name": "mail", "type": "EMAIL", "detached": True},
                },
                raised("LATER", delay=1500, id="later"),
            ],
            "states": {"x": {"on": {"NEXT": "y"}}, "y": {}, "memory": {"type": "history"}},
            "on": {"OUT": "b"},
        },
        "b": {"on": {"BACK": "a.memory"}},
    },
}


class TestAStoredSnapshot:
    @pytest.mark.parametrize("events", [(), ("NEXT",), ("NEXT", "OUT"), ("NEXT", "OUT", "BACK")])
    def test_is_the_same_when_it_is_loaded(self, events: tuple[str, ...]) -> None:
        """Tasks, timers, history and context survive the way through the database."""
        it = Instance(BUSY)
        for event in events:
            it.send(event)

        assert it.snapshot == it.reloaded()

    def test_decides_the_same_when_it_is_loaded(self) -> None:
        """Which process decides does not matter."""
        stayed, moved = Instance(BUSY), Instance(BUSY)
        moved._snapshot = moved.reloaded()

        assert stayed.send("NEXT") == moved.send("NEXT")

    def test_has_the_same_bytes_when_it_is_equal(self) -> None:
        """Keys are sorted, so that hashes can be compared."""
        it = Instance(BUSY)
        swapped = replace(it.snapshot, context=dict(reversed(it.context.items())))

        assert dump_snapshot(it.snapshot) == dump_snapshot(swapped)

    def test_leaves_out_what_is_as_it_mostly_is(self) -> None:
        """A row is written at every event: an idle instance takes little."""
        it = Instance({"initial": "a", "states": {"a": {}}})

        assert {
            "format": 1,
            "spec": it.machine.spec_hash[:16],
            "configuration": ["a"],
            "context": {},
            "next_ordinal": 1,
        } == json.loads(dump_snapshot(it.snapshot))

    def test_keeps_how_an_instance_ended(self) -> None:
        """Output, error and what it still waits for."""
        done = Instance({"output": {"n": 1}, "initial": "a", "states": {"a": {"type": "final"}}})
        failed = Instance({"initial": "a", "states": {"a": {"invoke": {"src": "http"}}}})
        failed.fail(1)
        create = {"type": "createTask", "params": {"name": "x", "type": "HTTP"}}
        finishing = Instance({"entry": create, "initial": "a", "states": {"a": {"type": "final"}}})

        assert [it.snapshot for it in (done, failed, finishing)] == [
            it.reloaded() for it in (done, failed, finishing)
        ]

    def test_is_refused_by_the_machine_of_another_spec(self) -> None:
        """Deciding with the wrong machine would be worse than not deciding."""
        data = dump_snapshot(Instance(BUSY).snapshot)

        with pytest.raises(SnapshotUnreadable, match="load it with the definition"):
            load_snapshot(compiled({}), data)

    def test_is_refused_in_a_format_of_the_future(self) -> None:
        """Two versions of the software share a database during a rolling deploy."""
        body = json.loads(dump_snapshot(Instance(BUSY).snapshot))
        body["format"] = 2

        with pytest.raises(SnapshotUnreadable, match="format 2"):
            load_snapshot(compiled(BUSY), json.dumps(body))

    def test_is_refused_with_a_timer_that_is_due_at_no_instant(self) -> None:
        """A timer that never fires is an orphan."""
        body = json.loads(dump_snapshot(Instance(BUSY).snapshot))
        body["timers"]["later"]["due"] = "soon"

        with pytest.raises(SnapshotUnreadable, match="'soon'"):
            load_snapshot(compiled(BUSY), json.dumps(body))

    def test_keeps_a_cancel_that_is_under_way(self) -> None:
        """Its compensations are open, and when they have ended the reason is needed."""
        undo = {"id": "t", "src": "http", "onDone": "b", "compensation": {"src": "http"}}
        it = Instance(
            {
                "onCancel": "compensate",
                "initial": "a",
                "states": {"a": {"invoke": undo}, "b": {"on": {"GO": "a"}}},
            }
        )
        it.succeed(1)
        it.cancel("wrong address")

        assert ("wrong address", it.snapshot) == (it.reloaded().cancelling, it.reloaded())

    def test_keeps_a_group_that_nobody_waits_for(self) -> None:
        """Its tasks are carried out all the same, and so are those that wait for their turn."""
        each = {
            "name": "mail", "type": "EMAIL", "detached": True,
            "forEach": [1, 2], "concurrency": 1, "input": expr("item"),
        }  # fmt: skip
        spec = {"initial": "a", "states": {"a": {"entry": {"type": "createTask", "params": each}}}}
        it = Instance(spec)

        assert it.snapshot.groups[1].detached
        assert it.snapshot == it.reloaded()

    def test_may_have_its_context_apart(self) -> None:
        """Where each has a place of its own, what is written of the one is not in the other."""
        it = Instance(BUSY)
        shell = dump_snapshot(it.snapshot, with_context=False)
        context = json.dumps(it.context, ensure_ascii=False)
        loaded = load_snapshot(it.machine, shell, context)

        assert {} == json.loads(shell)["context"]
        assert it.snapshot == loaded
        assert loaded.context_bytes >= len(context.encode())
