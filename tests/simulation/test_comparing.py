"""What counts as expected, and how it is told when it is not."""

from typing import Any

import pytest

from control_plane.simulation import read_scenario, run_scenario
from control_plane.simulation.comparing import differences, is_accepted, matches
from shared.documents import Document, read_document

COUNTER = """\
definition:
  context: { n: 1, of: { a: [1, 2] } }
  initial: on
  states:
    on: { on: { ADD: { actions: { type: "@emit", event: { type: added, n: 1 } } }, END: off } }
    off: { type: final }
  output: { n: 5 }
"""


def no_file(name: str) -> Document:
    raise AssertionError(f"{name} is not asked for")


def told(rest: str) -> list[tuple[int | None, str, Any, Any]]:
    scenario = read_scenario(read_document((COUNTER + rest).encode(), "s.yaml"), no_file)
    return [
        (one.step, one.about, one.expected, one.found) for one in run_scenario(scenario).mismatches
    ]


class TestAnExpectation:
    @pytest.mark.parametrize(
        ("rest", "mismatches"),
        [
            ("expect: { context: { n: 2 } }", [(None, "context.n", 2, 1)]),
            ("expect: { context: { of: { a: [1, 3] } } }", [(None, "context.of.a[1]", 3, 2)]),
            ("expect: { context: { of: { a: [1] } } }", [(None, "context.of.a", [1], [1, 2])]),
            ("expect: { context: { m: 2 } }", [(None, "context.m", 2, None)]),
            ("expect: { context: { n: true } }", [(None, "context.n", True, 1)]),
            ("expect: { status: running }", [(None, "status", "running", "waiting")]),
            ("expect: { state: off }", [(None, "state", "off", "on")]),
            ("expect: { output: 5 }", [(None, "output", 5, None)]),
            ("expect: { accepts: [ADD, SUB] }", [(None, "accepts", "SUB", ["ADD", "END"])]),
            ("expect: { refuses: [ADD, SUB] }", [(None, "refuses", "ADD", ["ADD", "END"])]),
            ("steps: [{ send: SUB }]", [(1, "rejected", False, "EVENT_NOT_ACCEPTED")]),
            (
                "steps: [{ send: ADD, expect: { rejected: true } }]",
                [(1, "rejected", True, None)],
            ),
            (
                "steps: [{ send: SUB, expect: { rejected: INSTANCE_CLOSED } }]",
                [(1, "rejected", "INSTANCE_CLOSED", "EVENT_NOT_ACCEPTED")],
            ),
            (
                "steps: [{ send: ADD, expect: { emitted: [{ n: 2 }] } }]",
                [(1, "emitted[0].n", 2, 1)],
            ),
            (
                "steps: [{ send: ADD }, { send: ADD }]\nexpect: { emitted: [added] }",
                [
                    (
                        None,
                        "emitted",
                        [{"type": "added"}],
                        [{"type": "added", "n": 1}, {"type": "added", "n": 1}],
                    )
                ],
            ),
            (
                "steps: [{ send: ADD, expect: { disposition: IGNORED } }]",
                [(1, "disposition", "IGNORED", "APPLIED")],
            ),
        ],
    )
    def test_that_is_not_met_is_told_where_it_differs(
        self, rest: str, mismatches: list[Any]
    ) -> None:
        """The path, what was expected, and what is there: no more has to be read."""
        assert mismatches == told(rest)

    @pytest.mark.parametrize(
        "rest",
        [
            "expect: { context: { of: {} }, status: waiting }",
            "expect: { context: { n: 1.0 } }",
            "steps: [{ send: SUB, expect: { rejected: true, emitted: [] } }]",
            "steps: [{ send: END }]\nexpect: { output: { n: 5 }, accepts: [], tasks: [] }",
        ],
    )
    def test_is_met_by_more_than_was_expected(self, rest: str) -> None:
        """Members that nobody asked about are none of the scenario's business."""
        assert [] == told(rest)

    def test_is_told_with_the_line_that_expects_it(self) -> None:
        """The line to look at first."""
        rest = "steps:\n- send: ADD\n  expect:\n    context:\n      n: 7\n"
        scenario = read_scenario(read_document((COUNTER + rest).encode(), "s.yaml"), no_file)

        (mismatch,) = run_scenario(scenario).mismatches

        assert COUNTER.count("\n") + 4 == mismatch.place.line


class TestAState:
    @pytest.mark.parametrize(
        ("wanted", "state", "is_met"),
        [
            ("a", "a", True),
            ("a", "b", False),
            ("a", {"a": "b"}, True),
            ({"a": "b"}, {"a": "b"}, True),
            ({"a": "c"}, {"a": "b"}, False),
            ({"p": {"x": "on"}}, {"p": {"x": "on", "y": "off"}}, True),
            ({"p": {"x": "on", "y": "on"}}, {"p": {"x": "on", "y": "off"}}, False),
            ({"x": {}}, {"x": {}, "y": "b"}, True),
            ({"a": {}}, "a", True),
            ({"a": "b"}, "a", False),
            ({"a": "b"}, {"a": {"b": {"c": "d"}}}, True),
        ],
    )
    def test_is_one_as_far_as_it_was_named(self, wanted: Any, state: Any, is_met: bool) -> None:
        """As `matches` of XState has it."""
        assert is_met == matches(wanted, state)


class TestAnEvent:
    @pytest.mark.parametrize(
        ("event", "accepts", "is_taken"),
        [
            ("a", ("a",), True),
            ("a", ("b",), False),
            ("a.b", ("a.*",), True),
            ("a", ("a.*",), True),
            ("ab", ("a.*",), False),
            ("x", ("*",), True),
            ("x", (), False),
        ],
    )
    def test_is_accepted_by_its_name_or_a_wildcard(
        self, event: str, accepts: tuple[str, ...], is_taken: bool
    ) -> None:
        """A definition tells of wildcards as they are written."""
        assert is_taken == is_accepted(event, accepts)


class TestADifference:
    def test_is_none_between_equal_values(self) -> None:
        """Whatever they are made of."""
        value: Any = {"a": [1, {"b": None}], "c": "d", "e": True, "f": 1.5}

        assert [] == list(differences("x", value, value))
