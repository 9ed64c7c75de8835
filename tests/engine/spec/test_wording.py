"""What the validator says to somebody who has made a mistake that many make."""

from typing import Any

import pytest

from control_plane.engine import check_spec

MIXED_UP: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "the initial state's name",
        {"initial": "idel", "states": {"idle": {}}},
        "'idel' is not a child of the root",
        "did you mean 'idle'?",
    ),
    (
        "no initial state at all",
        {"states": {"idle": {}}},
        "the root does not say which state comes first",
        'add "initial": "idle"',
    ),
    (
        "a bool where a guard is asked for",
        {"on": {"GO": {"guard": True}}},
        "true is not a guard: a name or an object",
        "write a guard: a name or an object",
    ),
    (
        "nothing where a guard is asked for",
        {"on": {"GO": {"guard": {"type": None}}}},
        "null is not a guard's type or name",
        'write one, or an expression as {"@expr": "…"}',
    ),
    (
        "an object where a text is asked for",
        {"invoke": {"src": "timer", "input": {"delay": "soon"}, "onDone": {}}},
        '{"delay": "soon"} does not say when the timer is due',
        (
            'write {"delay": "PT15M"}, {"at": <RFC 3339 timestamp>}, {"cron": "0 9 * * MON-FRI",'
            ' "zone": "Europe/Berlin"}, or a `date` or a `time`'
        ),
    ),
    (
        "an expression as a guard's name",
        {"on": {"GO": {"guard": "context.n > 5"}}, "guards": {"a": {"when": {"@expr": "true"}}}},
        "there is no guard 'context.n > 5' among the root's `guards`",
        'name one there, or write an expression as {"@expr": "…"}',
    ),
    (
        "a state with nothing in it",
        {"initial": "a", "states": {"a": {}, "b": None}},
        "null is not a state: an object, empty as {} if need be",
        "write a state: an object, empty as {} if need be",
    ),
    (
        "an actor that is written in the program",
        {"invoke": {"src": "fetchUser", "onDone": {}}},
        "'fetchUser' is not a kind of task",
        (
            "write 'system.fetchUser' for a function of yours, or use one of: ai, email, http,"
            " human, system.<function>, timer, workflow.<key of a definition>"
        ),
    ),
    (
        "a guard that is written in the program",
        {"on": {"GO": {"guard": "isSmall"}}},
        "there is no guard 'isSmall' among the root's `guards`",
        'name one there, or write an expression as {"@expr": "…"}',
    ),
]


class TestAMistake:
    @pytest.mark.parametrize(
        ("spec", "message", "remedy"),
        [one[1:] for one in MIXED_UP],
        ids=[one[0] for one in MIXED_UP],
    )
    def test_is_told_in_the_words_of_whoever_made_it(
        self, spec: dict[str, Any], message: str, remedy: str
    ) -> None:
        """JSON as JSON, the root as the root, and the next thing to try."""
        _, found = check_spec(spec)

        assert (message, remedy) == (found[0].message, found[0].remedy)

    @pytest.mark.parametrize(
        "spec",
        [
            {"invoke": {"src": "nope", "onDone": "gone", "onError": {"actions": "gone"}}},
            {"after": {"5 minutes": ["gone", {"actions": "gone"}]}},
            {"on": {"GO": {"cond": "x", "target": "gone", "actions": "gone"}}},
            {"entri": [], "on": {"GO": {"target": "gone", "actions": "gone"}}},
            {"initial": "b", "states": {"a": {"on": {"GO": "gone"}, "entry": "gone"}}},
            {"states": {"a": {"on": {"GO": "gone"}, "entry": "gone"}}},
        ],
    )
    def test_hides_none_of_those_inside_of_it(self, spec: dict[str, Any]) -> None:
        """Whoever has mended all that was told is done."""
        _, found = check_spec(spec)

        assert {"unknown-action", "unknown-target"} <= {one.rule for one in found}
