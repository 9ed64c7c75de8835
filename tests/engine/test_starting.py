"""How an instance begins."""

from typing import Any, ClassVar

import pytest

from control_plane.engine import ExpressionFailed, Received, Started, decide
from tests.engine.telling import NOW, Instance, assign, compiled, expr, say


class TestAStartedInstance:
    def test_is_in_its_initial_state(self) -> None:
        """The first microstep enters the root and everything that comes first below it."""
        it = Instance({"initial": "a", "states": {"a": {}, "b": {}}})

        assert "a" == it.value
        assert ("a",) == it.snapshot.configuration

    def test_is_entered_all_the_way_down(self) -> None:
        """A compound state's initial state is entered with it, at every depth."""
        it = Instance(
            {
                "initial": "a",
                "states": {
                    "a": {"initial": "b", "states": {"b": {"initial": "c", "states": {"c": {}}}}}
                },
            }
        )

        assert {"a": {"b": "c"}} == it.value

    def test_may_have_no_states_at_all(self) -> None:
        """A root without states is a legal machine that only answers events."""
        it = Instance({"on": {"GO": {"actions": say("gone")}}})
        it.send("GO")

        assert {} == it.value
        assert ["gone"] == it.said

    def test_takes_its_context_from_the_spec(self) -> None:
        """Constants stay what they are; expressions see the input as `event.input`."""
        it = Instance(
            {"context": {"limit": 5, "order": {"id": expr("event.input.id")}}, "states": {}},
            input={"id": 7},
        )

        assert {"limit": 5, "order": {"id": 7}} == it.context

    def test_may_compute_its_whole_context(self) -> None:
        """One expression may stand for the whole object."""
        it = Instance({"context": expr("event.input")}, input={"a": 1})

        assert {"a": 1} == it.context

    def test_runs_entry_actions_from_the_outside_in_then_initial_actions(self) -> None:
        """Document order; `initial.actions` run between a state's entry and its child's."""
        it = Instance(
            {
                "entry": say("root"),
                "initial": {"target": "a", "actions": say("initial")},
                "states": {"a": {"entry": say("a")}},
            }
        )

        assert ["root", "initial", "a"] == it.said

    def test_tells_its_input_and_where_it_got_to(self) -> None:
        """The history alone must be enough to begin the instance again."""
        it = Instance({"initial": "a", "states": {"a": {}}}, input={"x": 1})

        assert ["INSTANCE_STARTED", "STATE_TRANSITION"] == it.told
        assert {"input": {"x": 1}} == it.entry("INSTANCE_STARTED").payload
        assert {
            "event": "xstate.init",
            "from": [],
            "to": ["a"],
            "exited": [],
            "entered": [".", "a"],
        } == it.entry("STATE_TRANSITION").payload


class TestAStartThatCannotBeCarriedOut:
    SPEC: ClassVar[dict[str, Any]] = {
        "context": {"id": expr("event.input.id")},
        "initial": "a",
        "states": {"a": {}},
    }

    def test_is_refused_with_the_place_of_the_expression(self) -> None:
        """The starter learns what its input lacks, and no instance comes to be."""
        decision = decide(compiled(self.SPEC), None, Started(input={}), NOW)

        assert "REJECTED" == decision.disposition
        assert isinstance(decision.refusal, ExpressionFailed)
        assert "/context/id/@expr" == decision.refusal.json_pointer

    def test_leaves_nothing_behind(self) -> None:
        """A refused start has no states, no tasks, no timers."""
        decision = decide(compiled(self.SPEC), None, Started(input={}), NOW)

        assert ("error", ()) == (decision.snapshot.status, decision.snapshot.configuration)
        assert () == decision.commands
        assert ["EVENT_REJECTED"] == [entry.type for entry in decision.history]

    def test_is_in_no_state(self) -> None:
        """There is nothing to show of what never began."""
        assert {} == Instance(self.SPEC).value

    def test_is_refused_when_the_context_is_no_object(self) -> None:
        """Expressions read the context by key, so it must have keys."""
        it = Instance({"context": expr("event.input")}, input=[1])

        assert isinstance(it.decision.refusal, ExpressionFailed)
        assert "/context" == it.decision.refusal.json_pointer


class TestDecide:
    def test_begins_an_instance_with_started_only(self) -> None:
        """Anything else without a snapshot is a mistake of the caller, not of a sender."""
        with pytest.raises(TypeError, match="begins with Started, not with Received"):
            decide(compiled({}), None, Received(type="GO"), NOW)

    def test_starts_an_instance_once(self) -> None:
        """A second start would silently drop everything the instance has."""
        machine = compiled({})
        snapshot = decide(machine, None, Started(), NOW).snapshot

        with pytest.raises(TypeError, match="has been started"):
            decide(machine, snapshot, Started(), NOW)

    def test_changes_no_snapshot_it_is_given(self) -> None:
        """Two decisions on one snapshot do not see each other: previews depend on it."""
        machine = compiled(
            {"context": {"n": 0}, "on": {"ADD": {"actions": assign(n=expr("context.n + 1"))}}}
        )
        snapshot = decide(machine, None, Started(), NOW).snapshot
        first = decide(machine, snapshot, Received(type="ADD"), NOW)
        second = decide(machine, snapshot, Received(type="ADD"), NOW)

        assert {"n": 0} == snapshot.context
        assert first == second
