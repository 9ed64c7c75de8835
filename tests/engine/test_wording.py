"""Machines in words: what a transition answers, asks and does, as people read it."""

from typing import Any

import pytest

from control_plane.engine.states import State
from control_plane.engine.wording import (
    action_words,
    event_words,
    guard_words,
    task_words,
    trigger_words,
)
from tests.engine.telling import assign, compiled, expr

SPEC: dict[str, Any] = {
    "id": "claim",
    "context": {"n": 0, "name": "x"},
    "guards": {"big": {"when": expr("context.n > 9")}},
    "actions": {"note": assign(noted=True)},
    "initial": "a",
    "states": {
        "a": {
            "invoke": [
                {"src": "http", "onDone": "b", "onError": "b"},
                {"id": "ask", "src": "human", "onDone": "b", "onError": "b"},
            ],
            "after": {"P1D": "b"},
            "on": {"GO": "b", "task.mail.failed": "b"},
            "always": {"guard": "big", "target": "b"},
        },
        "b": {
            "onDone": "a",
            "initial": "c",
            "states": {"c": {"on": {"END": "end"}}, "end": {"type": "final"}},
        },
    },
}


def the_first(action: Any) -> str:
    """How an action reads; expressions of it see the event GO."""
    spec = {**SPEC, "on": {"DO": {"actions": action}}}
    (transition,) = compiled(spec).states[0].on["DO"]
    return action_words(transition.actions[0])


def the_guard(guard: Any) -> str:
    machine = compiled({**SPEC, "on": {"DO": {"guard": guard, "target": ".b"}}})
    (transition,) = machine.states[0].on["DO"]
    assert transition.guard is not None
    return guard_words(machine, transition.guard)


class TestATrigger:
    def test_is_named_without_the_spelling_of_the_engine(self) -> None:
        """`xstate.done.actor.0.claim.a` says nothing to who reads a drawing."""
        machine = compiled(SPEC)

        def words(state: State) -> list[str]:
            own = [*state.always, *(one for group in state.on.values() for one in group)]
            return [trigger_words(machine, one) for one in own]

        assert {
            "always", "GO", "mail failed", "http done", "http failed",
            "ask done", "ask failed", "after P1D",
        } == set(words(machine.states[machine.index_of["a"]]))  # fmt: skip
        assert ["done"] == words(machine.states[machine.index_of["b"]])

    def test_of_a_task_that_is_not_the_states_own_keeps_its_id(self) -> None:
        """A transition above it may answer the outcome as well."""
        machine = compiled({**SPEC, "on": {"xstate.done.actor.ask": ".b"}})
        (transition,) = machine.states[0].on["xstate.done.actor.ask"]

        assert "ask done" == trigger_words(machine, transition)

    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            ("xstate.after.PT1H.claim.a", "after PT1H.claim.a"),
            ("task.done", "task.done"),
            ("ORDER.PAID", "ORDER.PAID"),
        ],
    )
    def test_that_is_not_known_reads_as_it_is(self, kind: str, words: str) -> None:
        """Nothing is left out that might be somebody's own name."""
        assert words == event_words(kind)


class TestAGuard:
    @pytest.mark.parametrize(
        ("guard", "words"),
        [
            (expr("context.n > 1"), "context.n > 1"),
            ("big", "big"),
            ({"type": "@stateIn", "state": "#claim.a"}, "in a"),
            (
                {
                    "type": "@and",
                    "guards": [
                        "big",
                        {"type": "@or", "guards": ["big", expr("true")]},
                        {"type": "@not", "guard": "big"},
                    ],
                },
                "big and (big or true) and not big",
            ),
        ],
    )
    def test_is_its_expression_its_name_or_what_it_is_put_together_of(
        self, guard: Any, words: str
    ) -> None:
        """With parentheses where they matter."""
        assert words == the_guard(guard)


class TestAnAction:
    @pytest.mark.parametrize(
        ("action", "words"),
        [
            (assign(n=1, name="y"), "set n, name"),
            ({"type": "@raise", "event": {"type": "TICK"}}, "raise TICK"),
            ({"type": "@raise", "event": {"type": "TICK"}, "delay": 5}, "raise TICK later"),
            (
                {"type": "@raise", "event": {"type": expr("context.name"), "n": 1}},
                "raise context.name",
            ),
            ({"type": "@raise", "event": expr("{'type': 'X'}")}, "raise {'type': 'X'}"),
            ({"type": "@emit", "event": {"n": expr("context.n"), "type": "SAID"}}, "emit SAID"),
            ({"type": "@cancel", "id": "late"}, "cancel timer late"),
            ({"type": "@log", "value": "hello"}, "log"),
            ({"type": "@if", "branches": [{"actions": "note"}]}, "if …"),
            ({"type": "compensate"}, "compensate"),
            ("note", "note"),
            (
                {
                    "type": "createTask",
                    "params": {"name": "greet", "type": "SYSTEM", "function": "hello"},
                },
                "task greet (SYSTEM hello)",
            ),
        ],
    )
    def test_is_one_line(self, action: Any, words: str) -> None:
        """A drawing has room for no more."""
        assert words == the_first(action)


class TestATask:
    def test_for_each_item_says_that_there_are_many(self) -> None:
        """One box stands for all of them."""
        each = {"id": "ship", "src": "http", "forEach": [1, 2], "onDone": "b", "onError": "b"}
        spec = {"initial": "a", "states": {"a": {"invoke": each}, "b": {"type": "final"}}}
        (plan,) = compiled(spec).task_plans

        assert "ship ×n (HTTP)" == task_words(plan)
