"""Each part of a machine that a comparison tells of, and how it reads there."""

from typing import Any

import pytest

from control_plane.engine import Change, Comparison, compare
from control_plane.engine.shapes import Shapes
from tests.engine.telling import assign, compiled, expr


def between(before: dict[str, Any], after: dict[str, Any]) -> Comparison:
    return compare(compiled({"id": "m", **before}), compiled({"id": "m", **after}))


def only(comparison: Comparison) -> Change:
    (found,) = comparison.changes
    return found


def ending(output: Any) -> dict[str, Any]:
    """A machine whose final state has this output."""
    return {"initial": "a", "states": {"a": {"type": "final", "output": output}}}


class TestAValue:
    @pytest.mark.parametrize(
        ("output", "words"),
        [
            (1, "1"),
            (None, "null"),
            ({"vip": False}, '{"vip": false}'),
            ("paid", "paid"),
            (expr("1 + 1"), "1 + 1"),
            ({"n": expr("1"), "m": 2}, "{n: 1, m: 2}"),
            ([expr("1")], "…"),
        ],
    )
    def test_reads_about_as_it_is_written(self, output: Any, words: str) -> None:
        """One line, for people; what is exact stands at the pointer."""
        change = only(between(ending(True), ending(output)))

        assert ("output", "true", words) == (change.part, change.before, change.after)

    def test_that_is_not_there_is_empty(self) -> None:
        """An output was added."""
        without = {"initial": "a", "states": {"a": {"type": "final"}}}

        assert ("", "1") == (
            only(between(without, ending(1))).before,
            only(between(without, ending(1))).after,
        )


class TestAnInitialState:
    def test_is_called_as_its_definition_calls_it(self) -> None:
        """Also where the other definition has no such state."""
        before = {"initial": "a", "states": {"a": {"on": {"X": "a"}}}}
        after = {"initial": "z", "states": {"z": {"invoke": {"src": "human"}}, "y": {}}}
        change = next(one for one in between(before, after).changes if one.part == "initial")

        assert ("a", "z") == (change.before, change.after)


class TestAContext:
    def test_that_is_worked_out_as_a_whole_is_one_piece(self) -> None:
        """Which keys it has is not known before it has them."""
        machine = {"context": expr("event.input"), "states": {}}
        other = {"context": expr("event.input.claim"), "states": {}}
        comparison = between(machine, other)

        assert ("context", "", "event.input", "event.input.claim") == (
            only(comparison).part,
            only(comparison).name,
            only(comparison).before,
            only(comparison).after,
        )
        assert "COMPATIBLE" == comparison.compatibility

    @pytest.mark.parametrize(
        ("before", "after", "how"),
        [
            ({"n": 1}, {"n": 2}, "changed"),
            ({}, {"n": 2}, "added"),
            ({"n": expr("1 + 1")}, {}, "removed"),
        ],
    )
    def test_is_compared_key_by_key(
        self, before: dict[str, Any], after: dict[str, Any], how: str
    ) -> None:
        """Somebody who looks for one key finds it by its name."""
        change = only(between({"context": before}, {"context": after}))

        assert ("context", "n", how) == (change.part, change.name, change.how)


class TestAHistoryState:
    def test_tells_where_it_leads_without_a_record(self) -> None:
        """Where it has one, an instance goes where it was."""

        def spec(default: str) -> dict[str, Any]:
            inside = {"x": {}, "y": {}, "h": {"type": "history", "target": default}}
            return {
                "initial": "a",
                "states": {
                    "a": {"initial": "x", "states": inside, "on": {"OUT": "b"}},
                    "b": {"on": {"BACK": "a.h"}},
                },
            }

        change = only(between(spec("x"), spec("y")))

        assert ("history", "a.x", "a.y") == (change.part, change.before, change.after)

    def test_that_became_deep_is_of_another_kind(self) -> None:
        """It remembers something else."""

        def spec(depth: str) -> dict[str, Any]:
            inside = {"x": {}, "h": {"type": "history", "history": depth}}
            return {
                "initial": "a",
                "states": {
                    "a": {"initial": "x", "states": inside, "on": {"OUT": "b"}},
                    "b": {"on": {"BACK": "a.h"}},
                },
            }

        comparison = between(spec("shallow"), spec("deep"))

        assert ("kind", "history", "deep history") == (
            only(comparison).part,
            only(comparison).before,
            only(comparison).after,
        )


class TestADelay:
    def test_that_is_worked_out_reads_as_its_expression(self) -> None:
        """Of a named one the name stays the same, and what it means is another."""

        def spec(delay: Any) -> dict[str, Any]:
            return {
                "context": {"n": 1},
                "delays": {"patience": delay},
                "initial": "a",
                "states": {"a": {"after": {"patience": "b"}}, "b": {}},
            }

        change = only(between(spec(1000), spec(expr("context.n * 1000"))))

        assert ("delay", "patience", "0:00:01", "context.n * 1000") == (
            change.part, change.name, change.before, change.after,
        )  # fmt: skip


class TestATransitionToItself:
    def test_is_known_by_what_it_answers(self) -> None:
        """A state that leads to itself is not found by where it comes from."""

        def spec(name: str) -> dict[str, Any]:
            again = {"target": name, "reenter": True}
            return {
                "initial": name,
                "states": {
                    name: {"on": {"AGAIN": again, "GO": "b"}, "entry": assign(n=1)},
                    "b": {},
                },
            }

        comparison = between(spec("a"), spec("z"))

        assert [("a", "z")] == [(one.before, one.after) for one in comparison.renamed]


class TestAnInstanceThatRuns:
    def test_cannot_go_on_without_an_answer_to_its_detached_task(self) -> None:
        """The outcome would come to nobody."""

        def spec(**on: str) -> dict[str, Any]:
            mail = {"type": "createTask", "params": {"name": "mail", "type": "EMAIL"}}
            return {
                "initial": "a",
                "states": {"a": {"entry": mail, "on": {"GO": "b", **on}}, "b": {}},
            }

        before = spec(**{"task.mail.failed": "b", "task.mail.done": "b"})
        comparison = between(before, spec())

        assert "BREAKING" == comparison.compatibility
        assert any("'mail failed'" in one.message for one in comparison.reasons)

    def test_can_go_on_if_a_state_above_answers_now(self) -> None:
        """Who answers does not matter to the task."""

        def spec(inside: dict[str, str], above: dict[str, str]) -> dict[str, Any]:
            mail = {"type": "createTask", "params": {"name": "mail", "type": "EMAIL"}}
            a = {"entry": mail, "on": {"GO": "#m.b", **inside}}
            return {
                "initial": "w",
                "states": {"w": {"initial": "a", "states": {"a": a}, "on": above}, "b": {}},
            }

        answer = {"task.mail.failed": "#m.b"}
        comparison = between(spec(answer, {}), spec({}, answer))

        assert "COMPATIBLE" == comparison.compatibility

    def test_keeps_an_open_task_by_its_id(self) -> None:
        """An id made of the state's id is another one when that has another."""

        def spec(state_id: str) -> dict[str, Any]:
            task = {"src": "http", "onDone": "b", "onError": "b"}
            return {"initial": "a", "states": {"a": {"id": state_id, "invoke": task}, "b": {}}}

        comparison = between(spec("one"), spec("two"))

        assert "BREAKING" == comparison.compatibility
        assert any("has another id now" in one.message for one in comparison.reasons)


class TestAShape:
    def test_is_of_pieces_of_a_machine_only(self) -> None:
        """A kind of piece that nobody thought of must not compare as equal to all others."""
        with pytest.raises(TypeError, match="no piece of a machine"):
            Shapes(str).of(object())


class TestAQuestionAboutStates:
    def test_is_compared_by_the_states_it_names(self) -> None:
        """By what they are in both machines, not by their numbers."""

        def spec(state: str) -> dict[str, Any]:
            asked = {"guard": {"type": "@stateIn", "state": f"#m.r.{state}"}, "target": "y"}
            return {
                "type": "parallel",
                "states": {
                    "l": {"initial": "x", "states": {"x": {"on": {"GO": asked}}, "y": {}}},
                    "r": {"initial": "s", "states": {"s": {"on": {"R": "t"}}, "t": {}}},
                },
            }

        change = only(between(spec("s"), spec("t")))

        assert ("transition", ("guard",)) == (change.part, change.aspects)
